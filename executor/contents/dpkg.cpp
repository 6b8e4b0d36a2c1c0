// Debian's packages: deb-control(5), dpkg's status file, copyright files of DEP 5.
#include <executor/contents/formats.hpp>
#include <executor/contents/text.hpp>

#include <ir/letter_case.hpp>

namespace slipway {
namespace {

// "source (version)"
void take_source(std::string_view value, Package& package) {
  const std::size_t open = value.find('(');
  package.source = field_text(value.substr(0, open));
  if (open != value.npos && value.ends_with(')'))
    package.source_version = field_text(value.substr(open + 1, value.size() - open - 2));
}

// "want flag status": what was removed, or is half unpacked, is not there. Files of distroless
// images, which hold what was unpacked by another tool, have no such line.
bool is_installed(std::string_view status) {
  return status.empty() || status.ends_with(" installed") || status == "installed";
}

}  // namespace

std::vector<Package> read_dpkg_status(std::string_view text) {
  std::vector<Package> packages;
  Package package;
  std::string_view status;
  const auto finish = [&] {
    if (!package.name.empty() && !package.version.empty() && is_installed(status) &&
        packages.size() <= most_packages) {
      if (package.source_version == package.version) package.source_version.clear();
      if (package.source == package.name && package.source_version.empty()) package.source.clear();
      packages.push_back(package);
    }
    package = {};
    status = {};
  };
  std::string_view line;
  while (take_line(text, line)) {
    if (without_blanks(line).empty()) {
      finish();
      continue;
    }
    if (line.front() == ' ' || line.front() == '\t') continue;  // of a value with several lines
    const auto [name, value] = named_value(line);
    if (name == "Package") package.name = field_text(value);
    if (name == "Version") package.version = field_text(value);
    if (name == "Architecture") package.architecture = field_text(value, 64);
    if (name == "Maintainer") package.supplier = field_text(value);
    if (name == "Homepage") package.homepage = field_text(value);
    if (name == "Source") take_source(value, package);
    if (name == "Status") status = value;
  }
  finish();
  return packages;
}

std::set<std::string> read_debian_copyright(std::string_view text) {
  std::set<std::string> licences;
  std::string_view line;
  bool machine_readable = false;
  while (take_line(text, line)) {
    const auto [name, value] = named_value(line);
    if (!machine_readable) {
      if (without_blanks(line).empty()) continue;
      // The first field says which format it is; all else is prose.
      const std::string format = lower_case(value);
      if ((name != "Format" && name != "Format-Specification") ||
          (format.find("copyright-format") == format.npos && format.find("dep5") == format.npos &&
           format.find("dep-5") == format.npos))
        return {};
      machine_readable = true;
      continue;
    }
    // The short name alone: the licence's text stands below it.
    if (name == "License" && !value.empty() && value.size() <= 200 && licences.size() < 100)
      licences.insert(field_text(value, 200));
  }
  return licences;
}

}  // namespace slipway
