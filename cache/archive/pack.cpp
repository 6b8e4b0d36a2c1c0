#include <cache/archive/pack.hpp>

#include <cache/archive/attestation.hpp>
#include <cache/archive/block_pool.hpp>
#include <cache/blobs.hpp>
#include <cache/images/store.hpp>
#include <cache/images/take_layer.hpp>
#include <cache/layers/layer_blobs.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <variant>

namespace slipway {
namespace {

Compression compression_of_type(const std::string& type) {
  for (const Compression each : {Compression::gzip, Compression::zstd}) {
    if (type == layer_media_type(each) || type == layer_media_type(each, false)) return each;
  }
  return Compression::none;
}

class Packer {
 public:
  Packer(Store& store, const ToPack& given, const PackOptions& options)
      : store_(store), given_(given), options_(options) {
    bool needs_oci = !given.annotations.empty();
    for (const ImageToPack& image : given.images) {
      needs_oci |= !image.attachments.empty();
      attested_ |= !image.attachments.attestations.empty();
    }
    oci_ = options.oci_types || needs_oci;
  }

  Packed run() {
    std::vector<Planned> planned;
    for (const ImageToPack& image : given_.images) planned.push_back(plan(image));
    pack_layers(planned);
    ImageIndex index;
    std::vector<BlobDescriptor> attestations;
    for (std::size_t i = 0; i < planned.size(); ++i) {
      index.manifests.push_back(add_image(given_.images[i], planned[i]));
      if (const auto attestation = add_attestations(given_.images[i], index.manifests.back())) {
        attestations.push_back(*attestation);
      }
    }
    const bool one = !given_.index && !attested_ && index.manifests.size() == 1;
    if (one && given_.annotations.index.empty() && given_.annotations.index_descriptor.empty()) {
      packed_.root = index.manifests.front();
      return std::move(packed_);
    }
    index.manifests.insert(index.manifests.end(), attestations.begin(), attestations.end());
    index.annotations = given_.annotations.index;
    if (!oci_) index.media_type = media_type::docker_list;
    packed_.root = add_index(index);
    packed_.root.annotations = given_.annotations.index_descriptor;
    return std::move(packed_);
  }

 private:
  struct Planned {
    ImageConfig config;
    std::optional<OriginalManifest> original;  // the manifest that is written
    std::vector<BlobDescriptor> layers;        // those of the original
  };

  Planned plan(const ImageToPack& image) {
    Planned planned;
    planned.config = read_image_config(image.config_json);
    if (options_.original) {
      find_original(sha256(image.config_json), image.attachments.annotations, planned);
    }
    return planned;
  }

  // What the image came as, where all of it can still be had and nothing else was asked for.
  void find_original(const Digest& id, const Annotations& wanted, Planned& planned) {
    const std::optional<OriginalManifest> manifest = store_.image_facts().manifest(id);
    if (!manifest) return;
    const auto read = read_manifest(manifest->json, manifest->media_type);
    const auto* const known = std::get_if<Manifest>(&read);
    if (known == nullptr || known->config.digest != id ||
        known->layers.size() != planned.config.diff_ids.size()) {
      return;
    }
    const bool annotated =
        std::all_of(wanted.manifest.begin(), wanted.manifest.end(), [&](const auto& annotation) {
          const auto there = known->annotations.find(annotation.first);
          return there != known->annotations.end() && *there == annotation;
        });
    if (!annotated) return;
    if (!oci_ && known->config.media_type == media_type::oci_config) return;
    for (std::size_t i = 0; i < known->layers.size(); ++i) {
      const BlobDescriptor& layer = known->layers[i];
      const DiffId& diff_id = planned.config.diff_ids[i];
      if (options_.layers.force &&
          (options_.layers.level ||
           compression_of_type(layer.media_type) != options_.layers.compression)) {
        return;
      }
      // An uncompressed layer is made from its files, whatever its blob is kept as. Its size is the
      // manifest's word until it has been measured.
      if (layer.digest == diff_id.digest) {
        const LayerFormat tar{.compression = Compression::none, .level = {}, .force = true};
        if (layer_blob(store_, diff_id, tar).size != layer.size) return;
        continue;
      }
      // Not any blob that happens to be here: nobody compared the manifest's with the layer then.
      const bool of_layer = store_.layers().blob(diff_id) == layer.digest ||
                            store_.layer_blobs().has(diff_id, layer.digest);
      if (!of_layer || store_.blobs().size(layer.digest) != layer.size) return;
    }
    planned.original = manifest;
    planned.layers = known->layers;
  }

  // All that the images name, each once and several side by side.
  void pack_layers(const std::vector<Planned>& planned) {
    std::vector<DiffId> to_pack;
    std::set<DiffId> seen;
    for (const Planned& image : planned) {
      if (image.original) {
        for (std::size_t i = 0; i < image.layers.size(); ++i) {
          add_layer(image.config.diff_ids[i], image.layers[i]);
        }
        continue;
      }
      for (const DiffId& id : image.config.diff_ids) {
        if (seen.insert(id).second) to_pack.push_back(id);
      }
    }
    const auto pool = std::make_shared<BlockPool>();
    // Found by place, not by diffID: each thread has its own.
    std::vector<BlobDescriptor> made(to_pack.size());
    std::mutex mutex;  // orders the calls of `ready`, and the blobs' list
    in_parallel(to_pack.size(), [&](std::size_t i) {
      made[i] = layer_blob(store_, to_pack[i], options_.layers, pool);
      if (!oci_) {
        made[i].media_type = layer_media_type(compression_of_type(made[i].media_type), false);
      }
      const std::lock_guard lock(mutex);
      add_layer(to_pack[i], made[i]);
    });
    for (std::size_t i = 0; i < to_pack.size(); ++i) layers_.emplace(to_pack[i], made[i]);
  }

  void add_layer(const DiffId& id, const BlobDescriptor& layer) {
    PackedBlob blob{.descriptor = layer, .write = {}, .file = {}};
    if (layer.digest == id.digest) {
      blob.write = [&store = store_, id](const ByteSink& sink) {
        store.layers().write_tar(id, sink);
      };
    } else {
      blob.file = store_.state().blobs() / layer.digest.hex();
      blob.write = [&store = store_, digest = layer.digest](const ByteSink& sink) {
        const std::unique_ptr<ByteSource> source = store.blobs().open(digest);
        std::vector<std::byte> buffer(std::size_t{256} << 10);
        while (const std::size_t got = source->read(buffer)) sink(std::span(buffer).first(got));
      };
    }
    if (add(std::move(blob)) && options_.ready) options_.ready(packed_.blobs.back());
  }

  // False: it was there.
  bool add(PackedBlob blob) {
    if (!blobs_.insert(blob.descriptor.digest).second) return false;
    packed_.blobs.push_back(std::move(blob));
    return true;
  }

  BlobDescriptor add_text(std::string_view type, std::string text) {
    BlobDescriptor descriptor{.media_type = std::string(type),
                              .digest = sha256(text),
                              .size = text.size(),
                              .platform = {},
                              .annotations = {}};
    const auto shared = std::make_shared<const std::string>(std::move(text));
    add({.descriptor = descriptor,
         .write = [shared](const ByteSink& sink) { sink(std::as_bytes(std::span(*shared))); },
         .file = {}});
    return descriptor;
  }

  BlobDescriptor add_document(std::string_view type, std::string json) {
    BlobDescriptor descriptor{.media_type = std::string(type),
                              .digest = sha256(json),
                              .size = json.size(),
                              .platform = {},
                              .annotations = {}};
    const bool known = std::any_of(packed_.documents.begin(), packed_.documents.end(),
                                   [&](const PackedDocument& document) {
                                     return document.descriptor.digest == descriptor.digest;
                                   });
    if (!known) packed_.documents.push_back({descriptor, std::move(json)});
    return descriptor;
  }

  BlobDescriptor add_image(const ImageToPack& image, const Planned& planned) {
    BlobDescriptor descriptor;
    if (planned.original) {
      const auto read = read_manifest(planned.original->json, planned.original->media_type);
      add_text(std::get<Manifest>(read).config.media_type, image.config_json);
      descriptor = add_document(std::get<Manifest>(read).media_type, planned.original->json);
    } else {
      Manifest manifest;
      if (!oci_) manifest.media_type = media_type::docker_manifest;
      manifest.annotations = image.attachments.annotations.manifest;
      manifest.config =
          add_text(oci_ ? media_type::oci_config : media_type::docker_config, image.config_json);
      for (const DiffId& id : planned.config.diff_ids) manifest.layers.push_back(layers_.at(id));
      descriptor = add_document(manifest.media_type, write_manifest(manifest));
    }
    descriptor.platform = planned.config.platform;
    descriptor.annotations = image.attachments.annotations.manifest_descriptor;
    return descriptor;
  }

  std::optional<BlobDescriptor> add_attestations(const ImageToPack& image,
                                                 const BlobDescriptor& about) {
    if (image.attachments.attestations.empty()) return std::nullopt;
    std::vector<BlobDescriptor> statements;
    for (const Attestation& each : image.attachments.attestations) {
      statements.push_back(add_text(
          media_type::in_toto,
          write_statement(each, about.digest, given_.names, about.platform.value_or(Platform{}))));
      statements.back().annotations = {{"in-toto.io/predicate-type", each.predicate_type}};
    }
    if (options_.oci_artifacts) add_text(media_type::oci_empty, "{}");
    Manifest manifest = options_.oci_artifacts
                            ? attestation_manifest(about, std::move(statements))
                            : Manifest{.config = {}, .layers = std::move(statements)};
    if (!options_.oci_artifacts) {
      ImageConfig config;
      config.platform = unknown_platform();
      for (const BlobDescriptor& each : manifest.layers) config.diff_ids.push_back({each.digest});
      manifest.config = add_text(media_type::oci_config, write_image_config(config));
    }
    return attestation_entry(add_document(manifest.media_type, write_manifest(manifest)),
                             about.digest);
  }

  BlobDescriptor add_index(const ImageIndex& index) {
    return add_document(index.media_type, write_index(index));
  }

  Store& store_;
  const ToPack& given_;
  const PackOptions& options_;
  bool oci_ = true;        // media types
  bool attested_ = false;  // any image
  std::map<DiffId, BlobDescriptor> layers_;
  std::set<Digest> blobs_;  // those in packed_
  Packed packed_;
};

}  // namespace

Packed pack(Store& store, const ToPack& images, const PackOptions& options) {
  if (images.images.empty()) throw Error("there is no image to pack");
  require_level(options.layers);
  return Packer(store, images, options).run();
}

ToPack stored_image(Store& store, const Digest& id, std::vector<Reference> names,
                    const std::vector<Platform>& platforms) {
  ToPack images;
  images.names = std::move(names);
  images.annotations = store.image_facts().attachments(id).annotations;
  std::vector<Image> found;
  if (std::optional<StoredIndex> index = store.images().find_index(id)) {
    // One variant of it is an image like any other.
    images.index = platforms.size() != 1;
    found = std::move(index->images);
  } else {
    std::optional<Image> image = store.images().find(id);
    if (!image) throw Error("there is no image " + id.text() + " in the store");
    found.push_back(std::move(*image));
  }
  const auto add = [&](const Image& image) {
    images.images.push_back({image.config_json, store.image_facts().attachments(image.id)});
  };
  if (platforms.size() == 1) {
    images.annotations.index.clear();
    images.annotations.index_descriptor.clear();
  }
  if (platforms.empty()) std::for_each(found.begin(), found.end(), add);
  for (const Platform& platform : platforms) {
    // An equal one before one that merely serves.
    auto chosen = std::find_if(found.begin(), found.end(), [&](const Image& image) {
      return image.config.platform == platform;
    });
    if (chosen == found.end()) {
      chosen = std::find_if(found.begin(), found.end(), [&](const Image& image) {
        return matches(image.config.platform, platform);
      });
    }
    if (chosen == found.end()) {
      std::string offered;
      for (const Image& image : found) {
        offered += (offered.empty() ? "" : ", ") + image.config.platform.text();
      }
      throw Error("the image has no variant for " + platform.text()).hint("it has: " + offered);
    }
    add(*chosen);
  }
  return images;
}

}  // namespace slipway
