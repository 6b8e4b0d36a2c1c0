// Compressed bytes, read plain.
#pragma once

#include <cache/stream.hpp>

#include <memory>

namespace slipway {

// The decompressed bytes of `source`, which outlives the result. What it is compressed with is told
// by its first bytes: gzip (one member or several), zstd, bzip2, xz, or nothing known, which is
// passed through. Reads ahead: `source` is at no defined place while the result is in use.
//
// The result's read() throws Error where the bytes are damaged or end too early, and where they
// expand beyond any honest file (see `most_expansion`).
std::unique_ptr<ByteSource> open_decompressed(ByteSource& source);

// A stream that gives more than this many bytes for each it takes is a bomb. The first 64 MiB are
// free: a real sparse image can well be a thousand zeros a byte. gzip's own limit is 1,032.
constexpr unsigned most_expansion = 1000;

}  // namespace slipway
