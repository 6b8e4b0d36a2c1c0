#include <executor/files/copy_content.hpp>

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <span>

namespace slipway {
namespace {

void copy_by_hand(int from, int to, off_t begin, off_t end, std::string_view path) {
  std::array<std::byte, 64 * 1024> buffer;
  for (off_t at = begin; at < end;) {
    const auto wanted = std::min(buffer.size(), static_cast<std::size_t>(end - at));
    const ssize_t got = ::pread(from, buffer.data(), wanted, at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("pread", path, errno);
    if (got == 0) throw Error(quoted(path) + " became shorter while it was read");
    if (::lseek(to, at, SEEK_SET) < 0) throw system_error("lseek", path, errno);
    write_all(to, std::span<const std::byte>(buffer.data(), static_cast<std::size_t>(got)), path);
    at += got;
  }
}

void copy_range(int from, int to, off_t begin, off_t end, std::string_view path) {
  for (off_t at = begin; at < end;) {
    off_t in = at;
    off_t out = at;
    const ssize_t got =
        ::copy_file_range(from, &in, to, &out, static_cast<std::size_t>(end - at), 0);
    if (got > 0) {
      at += got;
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG))
      throw system_error("copy_file_range", path, errno);
    // Not between these two file systems, or not in this kernel.
    return copy_by_hand(from, to, at, end, path);
  }
}

}  // namespace

void copy_content(int from, int to, std::uint64_t bytes, std::string_view path) {
  const auto size = static_cast<off_t>(bytes);
  if (size == 0 || ::ioctl(to, FICLONE, from) == 0) return;
  if (::ftruncate(to, size) != 0) throw system_error("ftruncate", path, errno);
  for (off_t at = 0; at < size;) {
    off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return;  // a hole to the end
    if (data < 0) data = at;                 // this file system knows of none
    const off_t hole = ::lseek(from, data, SEEK_HOLE);
    const off_t end = hole < 0 ? size : std::min(hole, size);
    copy_range(from, to, data, end, path);
    at = std::max(end, at + 1);
  }
}

}  // namespace slipway
