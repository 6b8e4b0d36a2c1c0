// Images as others see them: the manifest, or index of manifests, that stands for an image, and all
// that it names, ready to be written into an archive or put into a registry.
#pragma once

#include <cache/archive/compression.hpp>
#include <cache/images/facts.hpp>
#include <cache/images/manifest.hpp>
#include <cache/stream.hpp>
#include <ir/digest.hpp>
#include <ir/platform.hpp>
#include <ir/reference.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace slipway {

class Store;

// What a layer or a small document is made of.
struct PackedBlob {
  BlobDescriptor descriptor;
  // Gives all bytes, those of the digest; any thread, any number of times. Throws Error.
  std::function<void(const ByteSink&)> write;
  // The file in the blob store that has these bytes; empty: there is none.
  std::filesystem::path file;
};

struct PackOptions {
  LayerFormat layers;
  // False: docker's media types in place of OCI's, where nothing needs OCI's (annotations,
  // attestations).
  bool oci_types = true;
  // False: an attestation's manifest is an image's with an empty config, for registries that know
  // no artifacts.
  bool oci_artifacts = true;
  // A pulled image whose layers keep their blobs is packed as the manifest it came as, byte for
  // byte. False: always a manifest of our own.
  bool original = true;
  // Called with each layer as soon as its blob can be had, while others are still compressed: from
  // any thread, one call at a time, and never after pack() has ended. What it throws ends pack().
  std::function<void(const PackedBlob&)> ready{};
};

// One platform's image.
struct ImageToPack {
  std::string config_json;  // its layers are in the store
  Attachments attachments;  // `annotations`: the manifest's and its descriptor's count
};

struct ToPack {
  std::vector<ImageToPack> images;
  bool index = false;       // an index, though there may be one image alone
  Annotations annotations;  // the index's and its descriptor's count
  // For attestations' subjects, as BuildKit has them ("pkg:docker/app@1.2?platform=linux%2Famd64").
  std::vector<Reference> names;
};

// A manifest or an index.
struct PackedDocument {
  BlobDescriptor descriptor;
  std::string json;
};

struct Packed {
  BlobDescriptor root;                    // the last of `documents`
  std::vector<PackedDocument> documents;  // what is named goes before what names it
  std::vector<PackedBlob> blobs;          // configs, layers, statements; each digest once
};

// Compresses what has no blob yet, several layers side by side; what was made is remembered, so
// that a layer is compressed once for each format. An attestation makes the root an index, as
// BuildKit's do. The same images give the same bytes. The store outlives what is given. Throws
// Error if a layer is not in the store.
//
// The root's descriptor has the annotations of its own level, and a manifest's its platform, as
// they stand in an OCI layout's index.json.
Packed pack(Store& store, const ToPack& images, const PackOptions& options);

// The image or index that the store has under this ID, with all that is attached to it.
// `platforms`: those of an index that are wanted; none: all. Throws Error for one that it has not.
ToPack stored_image(Store& store, const Digest& id, std::vector<Reference> names,
                    const std::vector<Platform>& platforms = {});

}  // namespace slipway
