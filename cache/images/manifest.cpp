#include <cache/images/manifest.hpp>

#include <cache/json_bounds.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t max_index_entries = 1000;
constexpr std::size_t deepest_manifest = 32;
constexpr std::size_t most_values = 200000;

Error malformed(std::string_view what) {
  return Error("the manifest is malformed: " + std::string(what));
}

std::string text_or_empty(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  return found->get<std::string>();
}

std::map<std::string, std::string> annotations_of(const Json& object) {
  std::map<std::string, std::string> annotations;
  if (const auto found = object.find("annotations"); found != object.end() && found->is_object()) {
    for (const auto& [key, value] : found->items()) {
      if (value.is_string()) annotations.emplace(key, value.get<std::string>());
    }
  }
  return annotations;
}

BlobDescriptor read_descriptor(const Json& json) {
  if (!json.is_object()) throw malformed("a descriptor is not an object");
  BlobDescriptor descriptor;
  descriptor.media_type = text_or_empty(json, "mediaType");
  const auto digest = Digest::parse(json.at("digest").get<std::string>());
  if (!digest) {
    throw malformed("the digest " + quoted(json.at("digest").get<std::string>()) +
                    " is not a sha256");
  }
  descriptor.digest = *digest;
  if (!json.at("size").is_number_unsigned()) throw malformed("a size is not a natural number");
  descriptor.size = json.at("size").get<std::uint64_t>();
  if (const auto found = json.find("platform"); found != json.end() && found->is_object()) {
    // Not through parse_platform: an index lists platforms that slipway does not know, too.
    descriptor.platform = Platform{.os = text_or_empty(*found, "os"),
                                   .architecture = text_or_empty(*found, "architecture"),
                                   .variant = text_or_empty(*found, "variant")};
  }
  descriptor.annotations = annotations_of(json);
  return descriptor;
}

bool is_layer(std::string_view type) {
  static constexpr std::string_view known[] = {
      "application/vnd.oci.image.layer.v1.tar",
      "application/vnd.oci.image.layer.v1.tar+gzip",
      "application/vnd.oci.image.layer.v1.tar+zstd",
      "application/vnd.docker.image.rootfs.diff.tar",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
      "application/vnd.docker.image.rootfs.diff.tar.zstd",
  };
  return std::find(std::begin(known), std::end(known), type) != std::end(known);
}

Manifest manifest_from(const Json& json) {
  Manifest manifest;
  manifest.annotations = annotations_of(json);
  manifest.config = read_descriptor(json.at("config"));
  // Artifacts are manifests too (a chart, a signature); only these two configs are an image's.
  const std::string& config_type = manifest.config.media_type;
  if (config_type != media_type::oci_config &&
      config_type != "application/vnd.docker.container.image.v1+json") {
    throw Error("this is no image: its config is of the type " + quoted(config_type));
  }
  const Json& layers = json.at("layers");
  if (!layers.is_array()) throw malformed("\"layers\" is not a list");
  if (layers.size() > max_layers) {
    throw Error("the image has " + std::to_string(layers.size()) + " layers, more than the " +
                std::to_string(max_layers) + " that can be mounted");
  }
  for (const Json& layer : layers) {
    BlobDescriptor descriptor = read_descriptor(layer);
    if (descriptor.media_type.find("foreign") != std::string::npos ||
        descriptor.media_type.find("nondistributable") != std::string::npos) {
      throw Error("the image has a layer that is not distributed with it: " +
                  quoted(descriptor.media_type));
    }
    if (!is_layer(descriptor.media_type)) {
      throw Error("the image has a layer of an unknown type: " + quoted(descriptor.media_type));
    }
    manifest.layers.push_back(std::move(descriptor));
  }
  return manifest;
}

ImageIndex index_from(const Json& json) {
  const Json& manifests = json.at("manifests");
  if (!manifests.is_array()) throw malformed("\"manifests\" is not a list");
  if (manifests.size() > max_index_entries) {
    throw malformed("it lists more than " + std::to_string(max_index_entries) + " manifests");
  }
  ImageIndex index;
  index.annotations = annotations_of(json);
  for (const Json& manifest : manifests) index.manifests.push_back(read_descriptor(manifest));
  return index;
}

OrderedJson to_json(const BlobDescriptor& descriptor) {
  OrderedJson json;
  json["mediaType"] = descriptor.media_type;
  json["digest"] = descriptor.digest.text();
  json["size"] = descriptor.size;
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  if (!descriptor.data.empty()) json["data"] = descriptor.data;
  if (descriptor.platform) {
    json["platform"]["architecture"] = descriptor.platform->architecture;
    json["platform"]["os"] = descriptor.platform->os;
    if (!descriptor.platform->variant.empty()) {
      json["platform"]["variant"] = descriptor.platform->variant;
    }
  }
  return json;
}

// Annotations are whatever somebody typed: bytes that are no UTF-8 must not end the program.
std::string text_of(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace

std::variant<Manifest, ImageIndex> read_manifest(std::string_view text, std::string_view type) {
  try {
    if (text.size() > max_manifest_size) throw malformed("it is longer than 4 MiB");
    if (!is_modest_json(text, deepest_manifest, most_values))
      throw malformed("it is nested too deeply, or has too many values");
    const Json json = Json::parse(text);
    if (!json.is_object()) throw malformed("it is not a JSON object");
    if (json.value("schemaVersion", 2) == 1) {
      throw Error("the image is in docker's schema 1, which nobody has written since 2017")
          .hint("push it again with a current tool");
    }
    // The document's own word, where it has one, has to be the announced one: a document that two
    // readers take for different things is how content gets past whoever checked it.
    const std::string own = text_or_empty(json, "mediaType");
    if (!own.empty() && !type.empty() && own != type) {
      throw malformed("it was announced as " + quoted(type) + " and calls itself " + quoted(own));
    }
    const bool has_layers = json.contains("layers") || json.contains("config");
    const bool has_manifests = json.contains("manifests");
    if (has_layers && has_manifests) throw malformed("it is both a manifest and an index");
    const std::string_view kind = own.empty() ? type : std::string_view(own);
    if (kind == media_type::oci_index || kind == media_type::docker_list) {
      ImageIndex index = index_from(json);
      index.media_type = kind;
      return index;
    }
    if (kind == media_type::oci_manifest || kind == media_type::docker_manifest) {
      Manifest manifest = manifest_from(json);
      manifest.media_type = kind;
      return manifest;
    }
    if (!kind.empty()) throw Error("this is no image: its type is " + quoted(kind));
    if (has_manifests) return index_from(json);
    return manifest_from(json);
  } catch (const Json::exception& error) {
    throw malformed(quoted(error.what()));
  }
}

const BlobDescriptor& choose_manifest(const ImageIndex& index, const Platform& wanted) {
  const BlobDescriptor* match = nullptr;
  std::string offered;
  for (const BlobDescriptor& manifest : index.manifests) {
    if (manifest.annotations.contains(std::string(reference_type_annotation)))
      continue;  // an attestation
    if (!manifest.platform) {
      // An index of one that names no platform leaves no choice.
      if (index.manifests.size() == 1) return manifest;
      continue;
    }
    if (*manifest.platform == wanted) return manifest;
    if (match == nullptr && matches(*manifest.platform, wanted)) match = &manifest;
    if (offered.size() < 400) {
      offered += (offered.empty() ? "" : ", ") + manifest.platform->text();
    }
  }
  if (match != nullptr) return *match;
  throw Error("the image has no variant for " + wanted.text())
      .hint(offered.empty() ? "it has no variant at all" : "it has: " + quoted(offered));
}

std::vector<BlobDescriptor> read_attestation_manifest(std::string_view text) {
  try {
    if (!is_modest_json(text, deepest_manifest, most_values))
      throw malformed("it is nested too deeply, or has too many values");
    const Json json = Json::parse(text);
    if (!json.is_object()) throw malformed("it is not a JSON object");
    const Json& layers = json.at("layers");
    if (!layers.is_array() || layers.size() > max_layers) {
      throw malformed("an attestation's \"layers\" is no list, or too long a one");
    }
    std::vector<BlobDescriptor> statements;
    for (const Json& layer : layers) {
      BlobDescriptor descriptor = read_descriptor(layer);
      // Others are to be passed over, says BuildKit's document.
      if (descriptor.media_type == media_type::in_toto) statements.push_back(std::move(descriptor));
    }
    return statements;
  } catch (const Json::exception& error) {
    throw malformed(quoted(error.what()));
  }
}

std::string write_manifest(const Manifest& manifest) {
  OrderedJson json;
  json["schemaVersion"] = 2;
  json["mediaType"] = manifest.media_type;
  if (!manifest.artifact_type.empty()) json["artifactType"] = manifest.artifact_type;
  json["config"] = to_json(manifest.config);
  json["layers"] = OrderedJson::array();
  for (const BlobDescriptor& layer : manifest.layers) json["layers"].push_back(to_json(layer));
  if (manifest.subject) json["subject"] = to_json(*manifest.subject);
  if (!manifest.annotations.empty()) json["annotations"] = manifest.annotations;
  return text_of(json);
}

std::string write_index(const ImageIndex& index) {
  OrderedJson json;
  json["schemaVersion"] = 2;
  json["mediaType"] = index.media_type;
  json["manifests"] = OrderedJson::array();
  for (const BlobDescriptor& manifest : index.manifests) {
    json["manifests"].push_back(to_json(manifest));
  }
  if (!index.annotations.empty()) json["annotations"] = index.annotations;
  return text_of(json);
}

std::string write_descriptor(const BlobDescriptor& descriptor) {
  return text_of(to_json(descriptor));
}

}  // namespace slipway
