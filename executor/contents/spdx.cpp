// SPDX 2.3 as JSON (spdx.github.io/spdx-spec/v2.3; its schema says which members there have to be).
#include <executor/contents/licences.hpp>
#include <executor/contents/sbom.hpp>

#include <ir/digest.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* no_assertion = "NOASSERTION";

// "SPDXRef-" and letters, digits, '.' and '-'.
std::string id_of(const Package& package) {
  std::string name;
  for (const char c : package.name.substr(0, 80)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '-';
    name += plain ? c : '-';
  }
  return "SPDXRef-Package-" + std::string(manager_of(package.type)) + "-" + name + "-" +
         sha256(package.purl).hex().substr(0, 16);
}

// A package of which nothing is concluded: SPDX wants these members, and a word for "not known".
Json blank_package(const std::string& id, const std::string& name) {
  Json json;
  json["SPDXID"] = id;
  json["name"] = name;
  json["downloadLocation"] = no_assertion;
  json["filesAnalyzed"] = false;
  json["licenseConcluded"] = no_assertion;
  json["licenseDeclared"] = no_assertion;
  json["copyrightText"] = no_assertion;
  return json;
}

bool is_url(std::string_view text) {
  return (text.starts_with("http://") || text.starts_with("https://")) &&
         text.find_first_of(" \"<>\\^`{|}") == text.npos;
}

Json describe(const Package& package, LicenceReferences& references) {
  Json json = blank_package(id_of(package), package.name);
  if (!package.version.empty()) json["versionInfo"] = whole_version(package);
  if (const std::string licence = licence_expression(package.licences, references);
      !licence.empty())
    json["licenseDeclared"] = licence;
  if (!package.supplier.empty()) {
    const bool organization = package.type == Package::Type::rpm;
    json["supplier"] = (organization ? "Organization: " : "Person: ") + package.supplier;
  }
  if (is_url(package.homepage)) json["homepage"] = package.homepage;
  std::string paths;
  for (const std::string& path : package.found_in) paths += (paths.empty() ? "" : ", ") + path;
  json["sourceInfo"] = "found by " + std::string(manager_of(package.type)) + "'s data in " + paths;
  // As BuildKit's documents: which layer of the image brought it.
  if (package.layer) json["comment"] = "layerID: " + package.layer->text();
  json["externalRefs"] = Json::array({Json{{"referenceCategory", "PACKAGE-MANAGER"},
                                           {"referenceType", "purl"},
                                           {"referenceLocator", package.purl}}});
  return json;
}

Json relation(const std::string& from, const char* type, const std::string& to) {
  return {{"spdxElementId", from}, {"relationshipType", type}, {"relatedSpdxElement", to}};
}

}  // namespace

std::string spdx_document(const Inventory& contents, const SbomSubject& subject) {
  const std::string document = "SPDXRef-DOCUMENT";
  const std::string image = "SPDXRef-Image";
  const std::string system = "SPDXRef-OperatingSystem";
  const std::string name = subject.name.empty() ? "image" : subject.name;
  LicenceReferences references;

  Json packages = Json::array();
  Json relations = Json::array();
  relations.push_back(relation(document, "DESCRIBES", image));
  packages.push_back(blank_package(image, name));
  packages.back()["primaryPackagePurpose"] = "CONTAINER";
  if (const Distribution& distribution = contents.distribution; !distribution.id.empty()) {
    packages.push_back(blank_package(system, distribution.id));
    if (!distribution.version.empty()) packages.back()["versionInfo"] = distribution.version;
    if (!distribution.name.empty()) packages.back()["summary"] = distribution.name;
    packages.back()["primaryPackagePurpose"] = "OPERATING_SYSTEM";
    relations.push_back(relation(image, "CONTAINS", system));
  }
  for (const Package& package : contents.packages) {
    packages.push_back(describe(package, references));
    relations.push_back(relation(image, "CONTAINS", id_of(package)));
  }

  Json json;
  json["spdxVersion"] = "SPDX-2.3";
  json["dataLicense"] = "CC0-1.0";
  json["SPDXID"] = document;
  json["name"] = name;
  json["documentNamespace"] = "";  // its place among the members
  json["creationInfo"] = {{"created", subject.created},
                          {"creators", Json::array({"Tool: " + subject.tool})}};
  if (!contents.notes.empty()) {
    std::string notes = "Not everything could be read:";
    for (const std::string& note : contents.notes) notes += "\n" + note;
    json["comment"] = notes;
  }
  if (!references.empty()) {
    Json& licences = json["hasExtractedLicensingInfos"] = Json::array();
    for (const auto& [id, text] : references)
      licences.push_back({{"licenseId", id}, {"name", text}, {"extractedText", text}});
  }
  json["packages"] = std::move(packages);
  json["relationships"] = std::move(relations);
  const auto text = [&] { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; };
  // A URI that no other document has: of all that is in this one.
  json["documentNamespace"] = "https://spdx.org/spdxdocs/slipway-" + uuid_of(text());
  return text();
}

}  // namespace slipway
