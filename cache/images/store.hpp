// Images in the store: a config and the layers it lists, found by name or by ID.
//
// An image's ID is the digest of its config's bytes, as docker's. Safe for any number of threads
// and processes.
#pragma once

#include <ir/digest.hpp>
#include <ir/image_config.hpp>
#include <ir/layer.hpp>
#include <ir/reference.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Database;

struct Image {
  Digest id;                       // of `config_json`
  std::string config_json;         // the bytes as they came or were made
  ImageConfig config;              // the same, read
  LayerStack layers;
  std::vector<Reference> names;    // tags, and name@digest for what was pulled by digest
  std::int64_t created = 0;        // the config's time, seconds since the epoch; 0: none
  std::uint64_t size = 0;          // sum of the layers' sizes, bytes
};

// What a table of images needs, without reading configs.
struct ImageSummary {
  Digest id;
  std::vector<Reference> names;
  std::int64_t created = 0;  // as in Image
  std::uint64_t size = 0;
};

// JSON of a config, with keys in a fixed order: the same config, the same bytes.
std::string write_image_config(const ImageConfig& config);
// Throws Error on what is not a config: total and bounded, for untrusted bytes.
ImageConfig read_image_config(std::string_view json);

class ImageStore {
 public:
  explicit ImageStore(Database& database);

  // Stores a config whose layers are all in the store (else throws Error) and gives its ID.
  Digest put(std::string_view config_json);
  // Points the name to the image; a name that pointed elsewhere moves. A name with a tag and a
  // digest is kept as one with the digest. Throws Error if there is no such image.
  void tag(const Reference& name, const Digest& id);
  // Gives the ID the name had; empty: there was no such name.
  std::optional<Digest> untag(const Reference& name);

  // Empty: there is none. Throws Error if one of its layers is gone.
  std::optional<Image> find(const Reference& name) const;
  std::optional<Image> find(const Digest& id) const;
  // A name, "sha256:..." or a prefix of an ID. Throws Error with a hint: none, or several.
  Image get(std::string_view name_or_id) const;
  // The ID get() would give, also for an image that has lost a layer.
  Digest resolve(std::string_view name_or_id) const;
  std::vector<Reference> names(const Digest& id) const;
  // Newest first. Layers that are gone count as empty.
  std::vector<ImageSummary> list() const;
  // Removes the image and all its names; its layers stay until pruned.
  void remove(const Digest& id);
  // The same for an image that has no name; false: it has one, or there is no such image.
  bool remove_unnamed(const Digest& id);

 private:
  std::optional<Digest> id_of(const Reference& name) const;

  Database& database_;
};

}  // namespace slipway
