// Alpine's packages: apk(5), "installed".
#include <executor/contents/formats.hpp>
#include <executor/contents/text.hpp>

namespace slipway {

std::vector<Package> read_apk_installed(std::string_view text) {
  std::vector<Package> packages;
  Package package;
  package.type = Package::Type::apk;
  const auto finish = [&] {
    if (!package.name.empty() && !package.version.empty() && packages.size() <= most_packages) {
      if (package.source == package.name) package.source.clear();
      packages.push_back(package);
    }
    package = {};
    package.type = Package::Type::apk;
  };
  std::string_view line;
  while (take_line(text, line)) {
    if (line.empty()) {
      finish();
      continue;
    }
    if (line.size() < 2 || line[1] != ':') continue;
    const std::string_view value = line.substr(2);
    switch (line[0]) {
      case 'P':
        package.name = field_text(value);
        break;
      case 'V':
        package.version = field_text(value);
        break;
      case 'A':
        package.architecture = field_text(value, 64);
        break;
      case 'L':
        if (const std::string licence = field_text(value); !licence.empty())
          package.licences = {licence};
        break;
      case 'o':
        package.source = field_text(value);
        break;
      case 'm':
        package.supplier = field_text(value);
        break;
      case 'U':
        package.homepage = field_text(value);
        break;
      default:  // files, checksums, dependencies
        break;
    }
  }
  finish();
  return packages;
}

}  // namespace slipway
