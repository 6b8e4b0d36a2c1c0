// Images in the store: a config and the layers it lists, found by name or by ID.
//
// An image's ID is the digest of its config's bytes, as docker's. Safe for any number of threads
// and processes.
#pragma once

#include <cache/images/reference.hpp>
#include <ir/digest.hpp>
#include <ir/image_config.hpp>
#include <ir/layer.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Database;
class LayerStore;

struct Image {
  Digest id;                       // of `config_json`
  std::string config_json;         // the bytes as they came or were made
  ImageConfig config;              // the same, read
  LayerStack layers;
  std::vector<Reference> names;    // tags, and name@digest for what was pulled by digest
  std::int64_t created = 0;        // the config's time, seconds since the epoch; 0: none
  std::uint64_t size = 0;          // sum of the layers' sizes, bytes
};

// JSON of a config, with keys in a fixed order: the same config, the same bytes.
std::string write_image_config(const ImageConfig& config);
// Throws Error on what is not a config: total and bounded, for untrusted bytes.
ImageConfig read_image_config(std::string_view json);

class ImageStore {
 public:
  ImageStore(Database& database, LayerStore& layers);

  // Stores a config whose layers are all in the store (else throws Error) and gives its ID.
  Digest put(std::string_view config_json);
  // Points the name to the image; a name that pointed elsewhere moves.
  void tag(const Reference& name, const Digest& id);
  // Gives the ID the name had; empty: there was no such name.
  std::optional<Digest> untag(const Reference& name);

  std::optional<Image> find(const Reference& name) const;
  std::optional<Image> find(const Digest& id) const;
  // A name, "sha256:..." or a prefix of an ID. Throws Error with a hint: none, or several.
  Image get(std::string_view name_or_id) const;
  // Newest first.
  std::vector<Image> list() const;
  // Removes the image and all its names; its layers stay until pruned.
  void remove(const Digest& id);

 private:
  Database& database_;
  LayerStore& layers_;
};

}  // namespace slipway
