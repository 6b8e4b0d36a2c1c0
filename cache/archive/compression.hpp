// How a layer's blob is compressed.
#pragma once

#include <cache/images/manifest.hpp>
#include <cache/layers/store.hpp>
#include <ir/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
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
// "application/vnd.oci.image.layer.v1.tar+gzip", or docker's.
std::string layer_media_type(Compression compression, bool oci = true);

// What a layer's blob is remembered as (layers/layer_blobs.hpp): "gzip", "gzip:9", "uncompressed".
// Levels that give the same bytes have one name.
std::string format_name(const LayerFormat& format);
// Throws Error with a hint for a level that the compression has not.
void require_level(const LayerFormat& format);

class BlockPool;

// The layer as a blob, and the descriptor that names it: the blob it was pulled as, unless the
// format forces another; else one of this format, which is made now unless it was made before. An
// uncompressed one is no file: it is what LayerStore::write_tar() gives. Thread-safe.
BlobDescriptor layer_blob(Store& store, const DiffId& id, const LayerFormat& format,
                          const std::shared_ptr<BlockPool>& pool = nullptr);

}  // namespace slipway
