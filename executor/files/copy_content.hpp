// Copying one file's bytes where nobody asks for their digest.
#pragma once

#include <cstdint>
#include <string_view>

namespace slipway {

// The first `bytes` of a file into an empty one. Blocks are shared where the file system can do
// that, and holes stay holes. Throws Error naming `path`, also where the file has fewer.
void copy_content(int from, int to, std::uint64_t bytes, std::string_view path);

}  // namespace slipway
