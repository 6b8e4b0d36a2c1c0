#include <executor/contents/package.hpp>

#include <cache/archive/attestation.hpp>
#include <ir/letter_case.hpp>

#include <algorithm>
#include <map>

namespace slipway {
namespace {

// purl-spec, "Rules for each purl component": ':' never is encoded.
std::string encoded(std::string_view text, bool keep_slashes = false) {
  return percent_encoded(text, keep_slashes ? ":/" : ":");
}

// The namespace of a distribution's packages. Red Hat's is not called as its os-release is.
std::string vendor(const Distribution& distribution, std::string_view otherwise) {
  if (distribution.id.empty()) return std::string(otherwise);
  return distribution.id == "rhel" ? "redhat" : lower_case(distribution.id);
}

}  // namespace

std::string_view manager_of(Package::Type type) {
  switch (type) {
    case Package::Type::deb:
      return "dpkg";
    case Package::Type::apk:
      return "apk";
    case Package::Type::rpm:
      return "rpm";
    case Package::Type::npm:
      return "npm";
    case Package::Type::pypi:
      return "python";
    case Package::Type::cargo:
      return "cargo";
    case Package::Type::golang:
      return "go";
  }
  return "";
}

std::string whole_version(const Package& package) {
  return package.epoch.empty() ? package.version : package.epoch + ":" + package.version;
}

std::string purl_of(const Package& package, const Distribution& distribution) {
  std::string url = "pkg:";
  bool of_distribution = false;
  switch (package.type) {
    case Package::Type::deb:
      url += "deb/" + encoded(vendor(distribution, "debian")) + "/" +
             encoded(lower_case(package.name));
      of_distribution = true;
      break;
    case Package::Type::apk:
      url += "apk/" + encoded(vendor(distribution, "alpine")) + "/" +
             encoded(lower_case(package.name));
      of_distribution = true;
      break;
    case Package::Type::rpm:
      url += "rpm/" + (distribution.id.empty() ? "" : encoded(vendor(distribution, "")) + "/") +
             encoded(package.name);
      of_distribution = true;
      break;
    case Package::Type::npm:
      url += "npm/" + encoded(package.name, true);  // the scope is the namespace
      break;
    case Package::Type::pypi: {
      std::string name = lower_case(package.name);
      std::replace(name.begin(), name.end(), '_', '-');
      url += "pypi/" + encoded(name);
      break;
    }
    case Package::Type::cargo:
      url += "cargo/" + encoded(package.name);
      break;
    case Package::Type::golang:
      url += "golang/" + encoded(lower_case(package.name), true);
      break;
  }
  if (!package.version.empty()) url += "@" + encoded(package.version);
  if (!of_distribution) return url;

  std::map<std::string, std::string> qualifiers;  // by key, as the canonical form has them
  if (!package.architecture.empty()) qualifiers["arch"] = package.architecture;
  if (!distribution.id.empty())
    qualifiers["distro"] =
        distribution.id + (distribution.version.empty() ? "" : "-" + distribution.version);
  if (!package.epoch.empty()) qualifiers["epoch"] = package.epoch;
  if (!package.source.empty())
    qualifiers["upstream"] =
        package.source + (package.source_version.empty() ? "" : "@" + package.source_version);
  char mark = '?';
  for (const auto& [key, value] : qualifiers) {
    url += mark + key + "=" + encoded(value);
    mark = '&';
  }
  return url;
}

}  // namespace slipway
