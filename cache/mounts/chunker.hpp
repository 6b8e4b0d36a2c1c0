// Where content is cut into chunks: by the content itself, so that an edit moves the cuts around it
// and no others.
#pragma once

#include <cstddef>
#include <span>

namespace slipway {

// Of a chunk, bytes. Smaller ones would find more that is the same, need more of an index and
// compress less: at these, the index of 1 GB takes about 1.2 MB.
inline constexpr std::size_t smallest_chunk = std::size_t{8} << 10;
inline constexpr std::size_t average_chunk = std::size_t{32} << 10;
inline constexpr std::size_t largest_chunk = std::size_t{128} << 10;

// The length of the chunk at the front of `bytes`, which are the next `largest_chunk` ones at
// least, or all that are left. The same bytes give the same length on every machine and in every
// release: another rule would make all chunks new once.
std::size_t chunk_length(std::span<const std::byte> bytes);

}  // namespace slipway
