// Python's installed distributions: core metadata (packaging.python.org, core-metadata).
#include <executor/contents/formats.hpp>
#include <executor/contents/text.hpp>

#include <ir/letter_case.hpp>

namespace slipway {

std::optional<Package> read_python_metadata(std::string_view text) {
  Package package;
  package.type = Package::Type::pypi;
  std::string licence;
  bool in_licence = false;
  bool whole_text = false;  // of a licence, where its name should stand
  std::string_view line;
  while (take_line(text, line)) {
    if (without_blanks(line).empty()) break;  // the description follows
    if (line.front() == ' ' || line.front() == '\t') {
      whole_text = whole_text || in_licence;
      continue;
    }
    const NamedValue field = named_value(line);
    const std::string name = lower_case(field.name);
    in_licence = name == "license";
    if (name == "name") package.name = field_text(field.value);
    if (name == "version") package.version = field_text(field.value);
    if (name == "license") licence = field_text(field.value, 200);
    if (name == "license-expression") package.licences = {field_text(field.value)};
    if (name == "home-page") package.homepage = field_text(field.value);
    if (name == "author" && !field.value.empty()) package.supplier = field_text(field.value);
  }
  if (package.licences.empty() && !whole_text && !licence.empty() &&
      lower_case(licence) != "unknown")
    package.licences = {licence};
  if (package.name.empty() || package.version.empty()) return std::nullopt;
  return package;
}

}  // namespace slipway
