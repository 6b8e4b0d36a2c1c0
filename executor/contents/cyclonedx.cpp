// CycloneDX 1.6 as JSON (cyclonedx.org/docs/1.6/json).
#include <executor/contents/licences.hpp>
#include <executor/contents/sbom.hpp>

#include <ir/digest.hpp>

#include <nlohmann/json.hpp>

#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

// One expression, or names: a name is what is in no list (the schema's licenseChoice).
Json licences_of(const std::set<std::string>& written) {
  LicenceReferences references;
  const std::string expression = licence_expression(written, references);
  Json list = Json::array();
  if (expression.empty()) return list;
  if (references.empty() && !is_licence_id(expression)) {
    list.push_back({{"expression", expression}});
    return list;
  }
  for (const std::string& text : written) {
    LicenceReferences unknown;
    const std::string one = licence_expression(text, unknown);
    list.push_back(
        {{"license", Json{{is_licence_id(one) ? "id" : "name", unknown.empty() ? one : text}}}});
  }
  return list;
}

Json property(const std::string& name, const std::string& value) {
  return {{"name", name}, {"value", value}};
}

Json describe(const Package& package) {
  Json json;
  json["bom-ref"] = package.purl;
  json["type"] = "library";
  if (!package.supplier.empty()) json["publisher"] = package.supplier;
  json["name"] = package.name;
  if (!package.version.empty()) json["version"] = whole_version(package);
  if (Json licences = licences_of(package.licences); !licences.empty())
    json["licenses"] = std::move(licences);
  json["purl"] = package.purl;
  Json& places = json["evidence"]["occurrences"] = Json::array();
  for (const std::string& path : package.found_in) places.push_back({{"location", path}});
  Json& properties = json["properties"] = Json::array();
  if (!package.architecture.empty())
    properties.push_back(property("slipway:architecture", package.architecture));
  if (package.layer) properties.push_back(property("slipway:layer", package.layer->text()));
  if (!package.source.empty()) {
    properties.push_back(property("slipway:source", package.source));
    if (!package.source_version.empty())
      properties.push_back(property("slipway:sourceVersion", package.source_version));
  }
  if (properties.empty()) json.erase("properties");
  return json;
}

}  // namespace

std::string uuid_of(std::string_view text) {
  std::string hex = sha256(text).hex().substr(0, 32);
  hex[12] = '5';
  constexpr std::string_view variants = "89ab";
  hex[16] = variants[static_cast<std::size_t>(hex[16]) % variants.size()];
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) hex.insert(dash, "-");
  return hex;
}

std::string cyclonedx_document(const Inventory& contents, const SbomSubject& subject) {
  const std::string image = "image";
  Json components = Json::array();
  Json contained = Json::array();
  if (const Distribution& distribution = contents.distribution; !distribution.id.empty()) {
    Json system;
    system["bom-ref"] = "os:" + distribution.id;
    system["type"] = "operating-system";
    system["name"] = distribution.id;
    if (!distribution.version.empty()) system["version"] = distribution.version;
    if (!distribution.name.empty()) system["description"] = distribution.name;
    contained.push_back(system["bom-ref"]);
    components.push_back(std::move(system));
  }
  for (const Package& package : contents.packages) {
    components.push_back(describe(package));
    contained.push_back(package.purl);
  }

  Json json;
  json["$schema"] = "http://cyclonedx.org/schema/bom-1.6.schema.json";
  json["bomFormat"] = "CycloneDX";
  json["specVersion"] = "1.6";
  json["serialNumber"] = "";  // its place among the members
  json["version"] = 1;
  Json& metadata = json["metadata"];
  metadata["timestamp"] = subject.created;
  const std::size_t dash = subject.tool.find('-');
  Json tool{{"type", "application"}, {"name", subject.tool.substr(0, dash)}};
  if (dash != std::string::npos) tool["version"] = subject.tool.substr(dash + 1);
  metadata["tools"]["components"] = Json::array({std::move(tool)});
  metadata["component"] = {{"bom-ref", image},
                           {"type", "container"},
                           {"name", subject.name.empty() ? "image" : subject.name}};
  for (const std::string& note : contents.notes)
    metadata["properties"].push_back(property("slipway:notRead", note));
  json["components"] = std::move(components);
  json["dependencies"] = Json::array({Json{{"ref", image}, {"dependsOn", std::move(contained)}}});
  if (!contents.notes.empty())
    json["compositions"] =
        Json::array({Json{{"aggregate", "incomplete"}, {"assemblies", Json::array({image})}}});
  const auto text = [&] { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; };
  json["serialNumber"] = "urn:uuid:" + uuid_of(text());
  return text();
}

}  // namespace slipway
