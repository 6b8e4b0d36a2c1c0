// type=registry,ref=HOST/REPOSITORY[:TAG]: a repository of a registry.
//
// Each record is an artifact of its own (image-spec, "Guidelines for Artifact Usage"), found by a
// tag made of its key, so that writers never overwrite each other:
//
//   tag "key-HEX"  a manifest; its config is the record, its layers are the blobs that this refers
//   to
//
// With a tag in the reference, as BuildKit's caches have one, the tags are "TAG-key-HEX": several
// caches can lie in one repository, beside an image too.
//
// The config's descriptor carries the record's bytes (descriptor.md, "data"), so that a record
// costs one request; a long one is fetched as the blob that it is in any case.
#include <cache/images/manifest.hpp>
#include <cache/json_bounds.hpp>
#include <cache/registry/base64.hpp>
#include <cache/registry/client.hpp>
#include <cache/shared/attributes.hpp>
#include <cache/shared/http_transport.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::json;

constexpr std::string_view artifact_type = "application/vnd.slipway.cache.v1";
constexpr std::string_view record_type = "application/vnd.slipway.cache.record.v1";
constexpr std::string_view blob_type = "application/vnd.slipway.cache.blob.v1";

// A quarter of what registries accept for a manifest; base64 makes a third more of it.
constexpr std::size_t longest_inline = std::size_t{1} << 20;

// A manifest's, as those of images (images/manifest.cpp).
constexpr std::size_t deepest_manifest = 32;
constexpr std::size_t most_values = 200000;

// A tag has at most 128 characters (distribution-spec, "Pulling manifests").
constexpr std::size_t longest_place_tag = 128 - std::string_view("-key-").size() - 64;

Json descriptor_json(std::string_view type, const SharedBlob& blob) {
  return {{"mediaType", type}, {"digest", blob.digest.text()}, {"size", blob.size}};
}

BlobDescriptor descriptor_of(const SharedBlob& blob) {
  BlobDescriptor descriptor;
  descriptor.digest = blob.digest;
  descriptor.size = blob.size;
  return descriptor;
}

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// A record's place in its manifest.
struct Config {
  SharedBlob blob;
  std::optional<std::string> bytes;
};

// Nothing for what is not the manifest of a record.
std::optional<Config> read_config(std::string_view manifest) {
  if (!is_modest_json(manifest, deepest_manifest, most_values)) return std::nullopt;
  const Json json = Json::parse(manifest, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto config = json.find("config");
  if (config == json.end() || !config->is_object() || text_at(*config, "mediaType") != record_type)
    return std::nullopt;
  const std::optional<Digest> digest = Digest::parse(text_at(*config, "digest"));
  const auto size = config->find("size");
  if (!digest || size == config->end() || !size->is_number_unsigned()) return std::nullopt;
  Config found{.blob = {.digest = *digest, .size = size->get<std::uint64_t>()}, .bytes = {}};
  if (!config->contains("data")) return found;
  found.bytes = decode_base64(text_at(*config, "data"));
  if (!found.bytes || found.bytes->size() != found.blob.size ||
      sha256(*found.bytes) != found.blob.digest)
    return std::nullopt;
  return found;
}

std::string write_record_manifest(std::string_view bytes, const SharedBlob& record,
                                  const std::vector<SharedBlob>& blobs) {
  Json layers = Json::array();
  for (const SharedBlob& blob : blobs) layers.push_back(descriptor_json(blob_type, blob));
  // Some registries take no manifest without layers.
  if (layers.empty()) layers.push_back(descriptor_json(record_type, record));
  Json config = descriptor_json(record_type, record);
  if (bytes.size() <= longest_inline) config["data"] = encode_base64(bytes);
  return Json{{"schemaVersion", 2},
              {"mediaType", media_type::oci_manifest},
              {"artifactType", artifact_type},
              {"config", std::move(config)},
              {"layers", std::move(layers)}}
      .dump();
}

class RegistryCache : public CacheTransport {
 public:
  // `tag` is empty where the reference has none.
  RegistryCache(const Reference& place, const std::string& tag, TransportOptions options)
      : name_("registry cache " +
              quoted(place.domain + "/" + place.repository + (tag.empty() ? "" : ":" + tag))),
        prefix_(tag.empty() ? "key-" : tag + "-key-"),
        client_(place, find_credentials(place.domain), std::move(options.cancelled),
                limits_for(options.patience, false)) {}

  std::string name() const override { return name_; }

  std::optional<std::string> record(const Digest& key) override {
    const auto manifest = client_.find_manifest(tag_of(key));
    if (!manifest) return std::nullopt;
    std::optional<Config> config = read_config(manifest->bytes);
    if (!config || config->blob.size > longest_record) {
      throw Error(name_ + " has something else than a record for its tag " + quoted(tag_of(key)))
          .hint("give the cache a repository of its own");
    }
    if (config->bytes) return std::move(config->bytes);
    return client_.small_blob(descriptor_of(config->blob), longest_record);
  }

  void put_record(const Digest& key, std::string_view bytes,
                  const std::vector<SharedBlob>& blobs) override {
    const SharedBlob record{.digest = sha256(bytes), .size = bytes.size()};
    const std::string manifest = write_record_manifest(bytes, record, blobs);
    if (manifest.size() > max_manifest_size) {
      throw Error(name_ + " cannot take the record " + key.hex() + ": it refers to " +
                  std::to_string(blobs.size()) + " blobs, and manifests end at " +
                  std::to_string(max_manifest_size) + " bytes");
    }
    // A tag that is written while others read it is one that some registries fail to give.
    if (const auto there = client_.find_manifest(tag_of(key)); there && there->bytes == manifest)
      return;
    client_.put_blob(descriptor_of(record), std::string(bytes));
    client_.put_manifest(tag_of(key), std::string(media_type::oci_manifest), manifest);
  }

  bool has_blob(const SharedBlob& blob) override { return client_.has_blob(descriptor_of(blob)); }

  bool blob(const SharedBlob& blob, const ByteSink& sink) override {
    return client_.find_blob(descriptor_of(blob), sink);
  }

  void put_blob(const SharedBlob& blob, const std::filesystem::path& file) override {
    client_.put_blob(descriptor_of(blob), FilePiece{.path = file, .size = blob.size});
  }

 private:
  std::string tag_of(const Digest& key) const { return prefix_ + key.hex(); }

  const std::string name_;
  const std::string prefix_;
  RegistryClient client_;
};

}  // namespace

std::unique_ptr<CacheTransport> open_registry(const CacheSpec& spec, TransportOptions options) {
  check_attributes(spec, {"ref"});
  const std::string ref = required_attribute(spec, "ref", "registry.example/team/cache");
  const Reference place = parse_reference(ref);
  if (place.digest)
    throw Error("the reference of a cache is a repository, and " + quoted(ref) + " is an image")
        .hint("leave the digest out: each record has one of its own");
  const std::string tag = ref.ends_with(":" + place.tag) ? place.tag : std::string();
  if (tag.size() > longest_place_tag)
    throw Error("the tag " + quoted(tag) + " is too long for a cache")
        .hint("at most " + std::to_string(longest_place_tag) +
              " characters: each record's tag begins with it");
  return std::make_unique<RegistryCache>(place, tag, std::move(options));
}

}  // namespace slipway
