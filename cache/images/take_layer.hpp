// A layer's blob from outside, into the store.
#pragma once

#include <cache/stream.hpp>
#include <ir/digest.hpp>
#include <ir/layer.hpp>

#include <optional>

namespace slipway {

class Store;

// Reads the blob once: hashes it, keeps it, decompresses and extracts it. A blob that is not
// compressed is kept gzipped. Throws Error, and nothing is left but perhaps the verified layer, if
// the bytes are not those of `digest` (empty: not known) or do not give `diff_id`. Thread-safe.
LayerRef take_layer(Store& store, ByteSource& blob, const std::optional<Digest>& digest,
                    const DiffId& diff_id);

}  // namespace slipway
