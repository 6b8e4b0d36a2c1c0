#include <cache/layers/sparse.hpp>

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace slipway {

bool write_sparse(int file, std::span<const std::byte> bytes, std::string_view path) {
  constexpr std::size_t block = 4096;
  const auto is_zero = [&](std::size_t at) {
    const auto end =
        bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at + block, bytes.size()));
    return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(at), end,
                       [](std::byte b) { return b == std::byte{0}; });
  };
  bool hole = false;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t from = at;
    hole = is_zero(at);
    while (at < bytes.size() && is_zero(at) == hole) at += block;
    const std::size_t size = std::min(at, bytes.size()) - from;
    if (!hole) {
      write_all(file, bytes.subspan(from, size), path);
    } else if (::lseek(file, static_cast<off_t>(size), SEEK_CUR) < 0) {
      throw system_error("lseek", path, errno);
    }
  }
  return hole;
}

}  // namespace slipway
