// Files with holes.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace slipway {

// Writes what is not zero, from the file's offset, and leaves the rest a hole. True: it ends in
// one, and the file gets its size by ftruncate(2) or by what comes next. Only blocks count that a
// file system could leave out. Throws Error naming `path`.
bool write_sparse(int file, std::span<const std::byte> bytes, std::string_view path);

}  // namespace slipway
