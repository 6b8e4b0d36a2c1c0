// What the image specification's JSON schemas ask of all that is written, as checks of our own:
// members that have to be there, the shapes of media types and digests, sizes, and that all adds
// up.
#pragma once

#include <ir/digest.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <regex>
#include <string>

namespace conformance {

using Json = nlohmann::json;

// content-descriptor.json; media types as defs-descriptor.json has them.
inline void check_media_type(const Json& value) {
  static const std::regex shape(
      "[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}");
  REQUIRE(value.is_string());
  CHECK(std::regex_match(value.get<std::string>(), shape));
}

inline void check_digest(const Json& value) {
  static const std::regex shape("[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+");
  static const std::regex sha256("sha256:[a-f0-9]{64}");
  REQUIRE(value.is_string());
  CHECK(std::regex_match(value.get<std::string>(), shape));
  CHECK(std::regex_match(value.get<std::string>(), sha256));
}

inline void check_strings(const Json& object, const char* key) {
  if (!object.contains(key)) return;
  REQUIRE(object.at(key).is_object());
  for (const auto& [name, value] : object.at(key).items()) {
    CHECK_FALSE(name.empty());
    CHECK(value.is_string());
  }
}

inline void check_platform(const Json& platform) {
  REQUIRE(platform.is_object());
  for (const char* key : {"architecture", "os"}) {
    REQUIRE(platform.contains(key));
    CHECK(platform.at(key).is_string());
    CHECK_FALSE(platform.at(key).get<std::string>().empty());
  }
  if (platform.contains("variant")) CHECK(platform.at("variant").is_string());
}

inline void check_descriptor(const Json& descriptor) {
  REQUIRE(descriptor.is_object());
  CAPTURE(descriptor.dump());
  for (const char* key : {"mediaType", "digest", "size"}) REQUIRE(descriptor.contains(key));
  check_media_type(descriptor.at("mediaType"));
  check_digest(descriptor.at("digest"));
  CHECK(descriptor.at("size").is_number_unsigned());
  CHECK(descriptor.at("size").get<std::uint64_t>() <= 9223372036854775807ULL);
  check_strings(descriptor, "annotations");
  if (descriptor.contains("platform")) check_platform(descriptor.at("platform"));
  if (descriptor.contains("artifactType")) check_media_type(descriptor.at("artifactType"));
  if (descriptor.contains("data")) {
    static const std::regex base64(
        "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?");
    CHECK(std::regex_match(descriptor.at("data").get<std::string>(), base64));
  }
}

// config-schema.json.
inline void check_config(const Json& config) {
  REQUIRE(config.is_object());
  for (const char* key : {"architecture", "os", "rootfs"}) REQUIRE(config.contains(key));
  CHECK(config.at("architecture").is_string());
  CHECK(config.at("os").is_string());
  REQUIRE(config.at("rootfs").is_object());
  CHECK(config.at("rootfs").at("type") == "layers");
  REQUIRE(config.at("rootfs").at("diff_ids").is_array());
  for (const Json& id : config.at("rootfs").at("diff_ids")) check_digest(id);
  static const std::regex time(
      "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{"
      "2})");
  const auto check_time = [&](const Json& object) {
    if (object.contains("created")) {
      CHECK(std::regex_match(object.at("created").get<std::string>(), time));
    }
  };
  check_time(config);
  if (config.contains("config")) {
    const Json& run = config.at("config");
    REQUIRE(run.is_object());
    for (const char* key : {"ExposedPorts", "Volumes"}) {
      if (!run.contains(key)) continue;
      REQUIRE(run.at(key).is_object());
      for (const auto& [name, value] : run.at(key).items()) CHECK(value.is_object());
    }
    for (const char* key : {"Env", "Entrypoint", "Cmd"}) {
      if (!run.contains(key) || run.at(key).is_null()) continue;
      REQUIRE(run.at(key).is_array());
      for (const Json& value : run.at(key)) CHECK(value.is_string());
    }
    check_strings(run, "Labels");
  }
  std::size_t layers = 0;
  if (config.contains("history")) {
    REQUIRE(config.at("history").is_array());
    for (const Json& entry : config.at("history")) {
      check_time(entry);
      for (const char* key : {"author", "created_by", "comment"}) {
        if (entry.contains(key)) CHECK(entry.at(key).is_string());
      }
      if (entry.contains("empty_layer")) CHECK(entry.at("empty_layer").is_boolean());
      layers += entry.value("empty_layer", false) ? 0 : 1;
    }
    CHECK(layers <= config.at("rootfs").at("diff_ids").size());
  }
}

// image-manifest-schema.json; docker's schema 2 has the same members and other types.
inline void check_manifest(const Json& manifest) {
  REQUIRE(manifest.is_object());
  for (const char* key : {"schemaVersion", "config", "layers"}) REQUIRE(manifest.contains(key));
  CHECK(manifest.at("schemaVersion") == 2);
  check_media_type(manifest.at("mediaType"));
  check_descriptor(manifest.at("config"));
  REQUIRE(manifest.at("layers").is_array());
  for (const Json& layer : manifest.at("layers")) check_descriptor(layer);
  check_strings(manifest, "annotations");
  if (manifest.contains("subject")) check_descriptor(manifest.at("subject"));
  if (manifest.contains("artifactType")) check_media_type(manifest.at("artifactType"));
  // "artifactType MUST be set when config.mediaType is set to the empty value."
  if (manifest.at("config").at("mediaType") == "application/vnd.oci.empty.v1+json") {
    CHECK(manifest.contains("artifactType"));
    CHECK_FALSE(manifest.at("layers").empty());
  }
  const bool docker =
      manifest.at("mediaType") == "application/vnd.docker.distribution.manifest.v2+json";
  for (const Json& layer : manifest.at("layers")) {
    const std::string type = layer.at("mediaType");
    CHECK(type.starts_with("application/vnd.docker.") == docker);
  }
  if (docker) CHECK_FALSE(manifest.contains("annotations"));
}

// image-index-schema.json.
inline void check_index(const Json& index) {
  REQUIRE(index.is_object());
  for (const char* key : {"schemaVersion", "manifests"}) REQUIRE(index.contains(key));
  CHECK(index.at("schemaVersion") == 2);
  check_media_type(index.at("mediaType"));
  REQUIRE(index.at("manifests").is_array());
  for (const Json& manifest : index.at("manifests")) check_descriptor(manifest);
  check_strings(index, "annotations");
}

// image-layout-schema.json.
inline void check_layout(const Json& layout) {
  REQUIRE(layout.is_object());
  CHECK(layout.at("imageLayoutVersion") == "1.0.0");
}

// All blobs of a layout or registry, by digest ("sha256:...").
using Blobs = std::map<std::string, std::string>;

// What a descriptor names is there, with the digest and size it says, and so is what that names.
inline void check_reachable(const Json& descriptor, const Blobs& blobs) {
  check_descriptor(descriptor);
  const std::string digest = descriptor.at("digest");
  CAPTURE(digest);
  const auto blob = blobs.find(digest);
  REQUIRE(blob != blobs.end());
  CHECK(slipway::sha256(blob->second).text() == digest);
  CHECK(blob->second.size() == descriptor.at("size").get<std::size_t>());
  const std::string type = descriptor.at("mediaType");
  const bool index = type == "application/vnd.oci.image.index.v1+json" ||
                     type == "application/vnd.docker.distribution.manifest.list.v2+json";
  const bool manifest = type == "application/vnd.oci.image.manifest.v1+json" ||
                        type == "application/vnd.docker.distribution.manifest.v2+json";
  if (index) {
    const Json json = Json::parse(blob->second);
    CHECK(json.at("mediaType") == type);
    check_index(json);
    for (const Json& each : json.at("manifests")) {
      CHECK(each.contains("platform"));
      check_reachable(each, blobs);
    }
  } else if (manifest) {
    const Json json = Json::parse(blob->second);
    CHECK(json.at("mediaType") == type);
    check_manifest(json);
    check_reachable(json.at("config"), blobs);
    for (const Json& layer : json.at("layers")) check_reachable(layer, blobs);
    if (json.contains("subject")) check_reachable(json.at("subject"), blobs);
    const std::string config_type = json.at("config").at("mediaType");
    if (config_type != "application/vnd.oci.empty.v1+json") {
      const Json config = Json::parse(blobs.at(json.at("config").at("digest")));
      check_config(config);
      CHECK(config.at("rootfs").at("diff_ids").size() == json.at("layers").size());
    }
  }
}

// An OCI layout by its files' names.
inline void check_layout_files(const std::map<std::string, std::string>& files) {
  REQUIRE(files.contains("oci-layout"));
  REQUIRE(files.contains("index.json"));
  check_layout(Json::parse(files.at("oci-layout")));
  Blobs blobs;
  for (const auto& [name, bytes] : files) {
    if (!name.starts_with("blobs/sha256/")) continue;
    CHECK(slipway::sha256(bytes).hex() == name.substr(13));
    blobs["sha256:" + name.substr(13)] = bytes;
  }
  const Json index = Json::parse(files.at("index.json"));
  check_index(index);
  for (const Json& each : index.at("manifests")) {
    if (each.contains("annotations") &&
        each.at("annotations").contains("org.opencontainers.image.ref.name")) {
      // The grammar that annotations.md has for it.
      static const std::regex shape(
          "[A-Za-z0-9]+(?:[-._:@+]|--)?(?:[A-Za-z0-9]+(?:[-._:@+]|--)?)*(?:/[A-Za-z0-9-._:@+]+)*");
      CHECK(std::regex_match(
          each.at("annotations").at("org.opencontainers.image.ref.name").get<std::string>(),
          shape));
    }
    check_reachable(each, blobs);
  }
}

}  // namespace conformance
