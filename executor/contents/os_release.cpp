// os-release(5)
#include <executor/contents/formats.hpp>
#include <executor/contents/text.hpp>

namespace slipway {
namespace {

// As a shell would read an assignment: in quotes or not, with a backslash in front of what counts.
std::string unquoted(std::string_view value) {
  value = without_blanks(value);
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
      value.back() == value.front())
    value = value.substr(1, value.size() - 2);
  std::string result;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) ++i;
    result += value[i];
  }
  return field_text(result, 200);
}

}  // namespace

Distribution read_os_release(std::string_view text) {
  Distribution distribution;
  std::string_view line;
  while (take_line(text, line)) {
    const std::size_t equals = line.find('=');
    if (equals == line.npos) continue;
    const std::string_view name = line.substr(0, equals);
    if (name == "ID") distribution.id = unquoted(line.substr(equals + 1));
    if (name == "VERSION_ID") distribution.version = unquoted(line.substr(equals + 1));
    if (name == "PRETTY_NAME") distribution.name = unquoted(line.substr(equals + 1));
  }
  return distribution;
}

}  // namespace slipway
