// Layers' blobs from outside, into the store.
#pragma once

#include <cache/stream.hpp>
#include <ir/digest.hpp>
#include <ir/layer.hpp>

#include <cstddef>
#include <functional>
#include <optional>

namespace slipway {

class Store;

// Reads the blob once: hashes it, keeps it, decompresses and extracts it. A blob that is not
// compressed is kept gzipped. Throws Error, and nothing is left but perhaps the verified layer, if
// the bytes are not those of `digest` (empty: not known) or do not give `diff_id`. Thread-safe.
LayerRef take_layer(Store& store, ByteSource& blob, const std::optional<Digest>& digest,
                    const DiffId& diff_id);

// Calls `take` for 0, 1, ... count - 1, a few at a time, each from a thread of its own. After the
// first failure no other is begun, and when all have ended it is thrown.
void in_parallel(std::size_t count, const std::function<void(std::size_t)>& take);

}  // namespace slipway
