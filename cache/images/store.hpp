// Images in the store: a config and the layers it lists, found by name or by ID.
//
// An image's ID is the digest of its config's bytes, as docker's. Safe for any number of threads
// and processes.
#pragma once

#include <ir/digest.hpp>
#include <ir/error.hpp>
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

// Images of several platforms under one name: what a registry has as an image index. Its ID is the
// digest of an OCI index of the images' configs; that of the manifests, which a registry has, is
// known only when the layers are compressed.
struct StoredIndex {
  Digest id;
  std::vector<Image> images;  // as they were put
  std::vector<Reference> names;
};

// What a table of images needs, without reading configs.
struct ImageSummary {
  Digest id;
  std::vector<Reference> names;
  std::int64_t created = 0;  // as in Image; of an index the newest image's
  std::uint64_t size = 0;    // of an index: of all its images, a layer they share once
  bool is_index = false;
};

// JSON of a config, with keys in a fixed order: the same config, the same bytes.
std::string write_image_config(const ImageConfig& config);
// Throws Error on what is not a config: total and bounded, for untrusted bytes.
ImageConfig read_image_config(std::string_view json);

// The ID of an index of images with these configs (JSON), whether a store has it or not.
Digest index_id(const std::vector<std::string>& configs);

// Whether an image can be called so: parse_reference() gives the same for its text. A reference
// that was put together may have parts that no name has.
bool is_name(const Reference& name);

// For who can do without it.
class NoSuchImage : public Error {
 public:
  using Error::Error;
};

// An image of the store without all its layers: it can be pulled or built again.
class LostLayer : public Error {
 public:
  using Error::Error;
};

class ImageStore {
 public:
  explicit ImageStore(Database& database);

  // Stores a config whose layers are all in the store (else throws Error) and gives its ID.
  Digest put(std::string_view config_json);
  // Stores that these images, all in the store, are one in several platforms, and gives its ID.
  Digest put_index(const std::vector<Digest>& images);
  // The name gets this image beside those it has for other platforms: what it had for the image's
  // own is replaced. A name that has no other is tagged as usual. Gives the ID that the name has now,
  // an index's where there are several.
  Digest tag_platform(const Reference& name, const Digest& id);
  // Points the name to the image or index; a name that pointed elsewhere moves. A name with a tag and
  // a digest is kept as one with the digest. Throws Error if there is no such image, or for what is
  // no name (is_name()).
  void tag(const Reference& name, const Digest& id);
  // Gives the ID the name had; empty: there was no such name.
  std::optional<Digest> untag(const Reference& name);
  // The same if the name still stands for that image. False: it does not.
  bool untag(const Reference& name, const Digest& id);

  // A name with a digest is also what its repository calls an image (ImageFacts::digests).
  // Empty: there is none. Throws LostLayer if one of its layers is gone. Of an index, here and in
  // get(), the image for this machine, or the first.
  std::optional<Image> find(const Reference& name) const;
  std::optional<Image> find(const Digest& id) const;
  // The one that serves where `platform` is asked for; an equal platform before one that matches.
  std::optional<Image> find(const Reference& name, const Platform& platform) const;
  // The same of an image or index by its ID; without a platform, as without one.
  std::optional<Image> find(const Digest& id, const std::optional<Platform>& platform) const;
  // What the name has an image for.
  std::vector<Platform> platforms(const Reference& name) const;
  // Empty: the ID is no index's.
  std::optional<StoredIndex> find_index(const Digest& id) const;
  // A name, "sha256:..." or a prefix of an ID. Throws Error with a hint: none, or several.
  Image get(std::string_view name_or_id) const;
  // The ID of the image or index, also of one that has lost a layer. Throws NoSuchImage where none is
  // called so.
  Digest resolve(std::string_view name_or_id) const;
  std::vector<Reference> names(const Digest& id) const;
  // When a name was given to it last, seconds since the epoch; 0: that is not known.
  std::int64_t last_tagged(const Digest& id) const;
  // That of the image, those of the index's images. Throws Error for one that is malformed.
  std::vector<ImageConfig> configs(const Digest& id) const;
  // What of the image is kept as registries have it: its config, and the blobs of layers; bytes.
  std::uint64_t blob_bytes(const Digest& image) const;
  // Newest first. Layers that are gone count as empty. Images without a name that belong to an index
  // are left out: the index stands for them.
  std::vector<ImageSummary> list() const;
  // Removes the image, indexes that it belongs to, and all their names; its layers stay until pruned.
  void remove(const Digest& id);
  // Takes the image out of the index, and of all others that it belongs to. Their names go to what
  // is left: an index, or the only other image. Removes the image if it has no name. Throws Error if
  // it is an index's only image.
  void take_out(const Digest& image);
  // Removes an image or index that has no name, and with an index its images that have none and
  // belong to no other. False: it has a name, belongs to an index, or is not there.
  bool remove_unnamed(const Digest& id);

 private:
  std::optional<Digest> tagged(const Reference& name) const;
  std::optional<Digest> id_of(const Reference& name) const;
  std::vector<Digest> images_of(const Digest& index) const;
  std::optional<Image> choose(const Digest& id, const Platform& platform, bool any) const;

  Database& database_;
};

}  // namespace slipway
