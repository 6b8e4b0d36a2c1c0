#include <executor/chroot/copy_node.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/layers/make_entry.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

namespace slipway {
namespace {

void copy_by_hand(int from, int to, off_t begin, off_t end, const std::string& path) {
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

void copy_range(int from, int to, off_t begin, off_t end, const std::string& path) {
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

// Holes stay holes.
void copy_content(int from, int to, off_t size, const std::string& path) {
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

void copy_file(int from, const std::string& name, const Entry& entry, int to,
               const std::string& to_name) {
  const FileDescriptor source(
      ::openat(from, name.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!source || ::fstat(source.get(), &status) != 0)
    throw system_error("openat", entry.path, errno);
  if (!S_ISREG(status.st_mode)) throw Error(quoted(entry.path) + " is no regular file");
  const FileDescriptor made(::openat(to, to_name.c_str(),
                                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made) throw system_error("openat", entry.path, errno);
  copy_content(source.get(), made.get(), status.st_size, entry.path);
  set_metadata(made.get(), entry);
  const timespec times[2] = {status.st_atim, status.st_mtim};
  if (::futimens(made.get(), times) != 0) throw system_error("futimens", entry.path, errno);
}

}  // namespace

void copy_node(int from, const std::string& name, const Entry& entry, int to,
               const std::string& to_name) {
  if (entry.type == Entry::Type::file) return copy_file(from, name, entry, to, to_name);
  struct stat status {};
  if (::fstatat(from, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    throw system_error("fstatat", entry.path, errno);
  const char* const made = to_name.c_str();
  if (make_node(to, made, entry) != 0) throw system_error("mknodat", entry.path, errno);
  if (::fchownat(to, made, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0)
    throw system_error("fchownat", entry.path, errno);
  // Nothing else works in this directory, so what was made a moment ago is no link.
  if (entry.type != Entry::Type::symlink && ::fchmodat(to, made, entry.mode, 0) != 0)
    throw system_error("fchmodat", entry.path, errno);
  const std::string place = "/proc/self/fd/" + std::to_string(to) + "/" + to_name;
  for (const auto& [attribute, value] : entry.xattrs) {
    if (::lsetxattr(place.c_str(), attribute.c_str(), value.data(), value.size(), 0) != 0)
      throw system_error("lsetxattr", entry.path, errno);
  }
  const timespec times[2] = {status.st_atim, status.st_mtim};
  if (::utimensat(to, made, times, AT_SYMLINK_NOFOLLOW) != 0)
    throw system_error("utimensat", entry.path, errno);
}

}  // namespace slipway
