#include "describe_image.hpp"

#include "table.hpp"

#include <cache/images/facts.hpp>
#include <cache/images/manifest.hpp>
#include <cache/store.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

// What of an image is not in its config.
struct Known {
  Digest id;
  std::vector<Reference> names;
  std::vector<Reference> digests;
  std::int64_t tagged = 0;
  std::optional<OriginalManifest> manifest;
};

Json platform_of(const ImageConfig& config) {
  Json json;
  json["architecture"] = config.platform.architecture;
  json["os"] = config.platform.os;
  if (!config.os_version.empty()) json["os.version"] = config.os_version;
  if (!config.platform.variant.empty()) json["variant"] = config.platform.variant;
  return json;
}

Json descriptor_of(const OriginalManifest& manifest) {
  Json json;
  json["mediaType"] = manifest.media_type;
  json["digest"] = sha256(manifest.json).text();
  json["size"] = manifest.json.size();
  return json;
}

// Fields that docker leaves out where they are empty are left out, too.
Json describe(const Image& image, const Known& known) {
  const Json config = Json::parse(image.config_json);  // read_image_config() has accepted it
  Json json;
  json["Id"] = known.id.text();
  json["RepoTags"] = Json::array();
  json["RepoDigests"] = Json::array();
  for (const Reference& name : known.names)
    if (!name.digest) json["RepoTags"].push_back(name.familiar());
  for (const Reference& name : known.digests) json["RepoDigests"].push_back(name.familiar());
  if (!image.config.history.empty() && !image.config.history.back().comment.empty())
    json["Comment"] = image.config.history.back().comment;
  if (!image.config.created.empty()) json["Created"] = image.config.created;
  if (!image.config.author.empty()) json["Author"] = image.config.author;
  // As it was written, with fields slipway has no use for.
  const auto run = config.find("config");
  json["Config"] = run == config.end() || run->is_null() ? Json::object() : *run;
  json["Architecture"] = image.config.platform.architecture;
  if (!image.config.platform.variant.empty()) json["Variant"] = image.config.platform.variant;
  json["Os"] = image.config.platform.os;
  if (!image.config.os_version.empty()) json["OsVersion"] = image.config.os_version;
  json["Size"] = image.size;
  json["RootFS"]["Type"] = "layers";
  json["RootFS"]["Layers"] = Json::array();
  for (const LayerRef& layer : image.layers)
    json["RootFS"]["Layers"].push_back(layer.diff_id.text());
  // Go's zero time, where there is none.
  json["Metadata"]["LastTagTime"] =
      known.tagged == 0 ? "0001-01-01T00:00:00Z" : time_text(known.tagged);
  if (known.manifest) json["Descriptor"] = descriptor_of(*known.manifest);
  return json;
}

Json describe_manifest(Store& store, const Image& image) {
  const std::uint64_t content = store.images().blob_bytes(image.id);
  const std::optional<OriginalManifest> manifest = store.image_facts().manifest(image.id);
  Json json;
  json["ID"] = image.id.text();
  if (manifest) {
    json["Descriptor"] = descriptor_of(*manifest);
  } else {
    json["Descriptor"]["mediaType"] = media_type::oci_config;
    json["Descriptor"]["digest"] = image.id.text();
    json["Descriptor"]["size"] = image.config_json.size();
  }
  json["Descriptor"]["platform"] = platform_of(image.config);
  json["Available"] = true;
  json["Size"]["Content"] = content;
  json["Size"]["Total"] = content + image.size;
  json["Kind"] = "image";
  json["ImageData"]["Platform"] = platform_of(image.config);
  json["ImageData"]["Size"]["Unpacked"] = image.size;
  json["ImageData"]["Containers"] = Json::array();
  return json;
}

Known known_of(Store& store, const Digest& id) {
  Known known;
  known.id = id;
  known.names = store.images().names(id);
  known.digests = store.image_facts().digests(id);
  for (const Reference& name : known.names)
    if (name.digest &&
        std::find(known.digests.begin(), known.digests.end(), name) == known.digests.end())
      known.digests.push_back(name);
  known.tagged = store.images().last_tagged(id);
  known.manifest = store.image_facts().manifest(id);
  return known;
}

Json describe(Store& store, const std::string& name, const std::optional<Platform>& platform) {
  const ImageStore& images = store.images();
  const Digest id = images.resolve(name);
  const std::optional<StoredIndex> index = images.find_index(id);
  if (index && !platform) {
    // What its image for this machine is, as docker shows it, and which images there are.
    Json json = describe(images.get(name), known_of(store, id));
    json["Manifests"] = Json::array();
    for (const Image& image : index->images)
      json["Manifests"].push_back(describe_manifest(store, image));
    return json;
  }
  if (const std::optional<Image> image = images.find(id, platform))
    return describe(*image, known_of(store, image->id));
  std::string offered;
  for (const ImageConfig& config : images.configs(id))
    offered += (offered.empty() ? "" : ", ") + config.platform.text();
  if (!platform || offered.empty())
    throw Error("the image " + quoted(name) + " has just been removed by another process");
  throw Error("the image " + quoted(name) + " is not there for " + platform->text())
      .hint("it is there for " + quoted(offered));
}

// Fields that are left out where they are empty, so that a template may ask for them all the same.
Value with_empty_fields(const Value& value, const std::vector<ValueMember>& fields) {
  const Value::Object* object = value.as<Value::Object>();
  if (object == nullptr) return value;
  std::vector<ValueMember> members = (*object)->members;
  for (const ValueMember& field : fields)
    if (member(value, field.name) == nullptr) members.push_back({field.name, field.value, false});
  return make_record(std::move(members));
}

Value as_map(const Value& value) {
  const Value::Object* object = value.as<Value::Object>();
  return object == nullptr ? value : make_map((*object)->members);
}

Value template_data(std::string_view json) {
  const Value text("");
  const Value list = Value::list({});
  const Value map = make_map({});
  const Value image = read_json_value(json);
  Value config = with_empty_fields(*member(image, "Config"), {{"User", text},
                                                              {"ExposedPorts", map},
                                                              {"Env", list},
                                                              {"Entrypoint", list},
                                                              {"Cmd", list},
                                                              {"Healthcheck", Value::Null{}},
                                                              {"ArgsEscaped", false},
                                                              {"Volumes", map},
                                                              {"WorkingDir", text},
                                                              {"OnBuild", list},
                                                              {"Labels", map},
                                                              {"StopSignal", text},
                                                              {"Shell", list}});
  std::vector<ValueMember> members = (*config.as<Value::Object>())->members;
  for (ValueMember& each : members)
    if (each.name == "Labels" || each.name == "ExposedPorts" || each.name == "Volumes")
      each.value = as_map(each.value);
  config = make_record(std::move(members));
  members = (*image.as<Value::Object>())->members;
  for (ValueMember& each : members)
    if (each.name == "Config") each.value = config;
  return with_empty_fields(make_record(std::move(members)), {{"Comment", text},
                                                             {"Created", text},
                                                             {"Author", text},
                                                             {"Variant", text},
                                                             {"OsVersion", text},
                                                             {"Descriptor", Value::Null{}},
                                                             {"Manifests", list}});
}

}  // namespace

Described describe_image(Store& store, const std::string& name,
                         const std::optional<Platform>& platform) {
  // What is printed and what a template gets have bytes that are not UTF-8 replaced.
  return {describe(store, name, platform).dump(-1, ' ', false, Json::error_handler_t::replace),
          template_data};
}

}  // namespace slipway
