// deflate (RFC 1951) of one block, by either of two libraries.
#pragma once

#include <cache/archive/block_writer.hpp>

#include <functional>

namespace slipway {

// Fills block.output with a piece of a deflate stream that ends on a byte boundary, and with the
// stream's end if it is the last. Any thread, several at once. Throws Error.
//
// ISA-L, at level 1 or 2; block.input begins with the dictionary.
std::function<void(Block&)> isal_deflater(int level);
// libdeflate, at level 0 to 12; it has no dictionary.
std::function<void(Block&)> libdeflate_deflater(int level);

}  // namespace slipway
