// How a layer's blob is compressed.
#pragma once

#include <cache/images/manifest.hpp>
#include <cache/layers/store.hpp>
#include <ir/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace slipway {

class Store;

enum class Compression { none, gzip, zstd };

// How a layer leaves the store (`--output compression=, compression-level=, force-compression=`).
struct LayerFormat {
  Compression compression = Compression::gzip;
  std::optional<int> level{};  // the compression's own scale; empty: our default
  // False: a layer that has a blob of another compression or level keeps it, as a base image's
  // layers keep the registry's.
  bool force = false;
  bool operator==(const LayerFormat&) const = default;
};

// Told by the first bytes.
Compression compression_of(std::span<const std::byte> head);
// "application/vnd.oci.image.layer.v1.tar+gzip"
std::string layer_media_type(Compression compression);

// The layer as a compressed blob of the store, and the descriptor that names it: the blob it was
// pulled as, if that is compressed this way, else one that is made now and remembered, so that a
// layer is compressed once. `compression` is gzip or zstd. Thread-safe.
BlobDescriptor compressed_layer(Store& store, const DiffId& id, Compression compression);

}  // namespace slipway
