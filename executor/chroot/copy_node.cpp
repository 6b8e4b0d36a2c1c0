#include <executor/chroot/copy_node.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/layers/make_entry.hpp>
#include <executor/files/copy_content.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

namespace slipway {
namespace {

void copy_file(int from, const std::string& name, const Entry& entry, int to,
               const std::string& to_name) {
  const FileDescriptor source(
      ::openat(from, name.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!source || ::fstat(source.get(), &status) != 0)
    throw system_error("openat", entry.path, errno);
  if (!S_ISREG(status.st_mode)) throw Error(quoted(entry.path) + " is no regular file");
  const FileDescriptor made(
      ::openat(to, to_name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made) throw system_error("openat", entry.path, errno);
  copy_content(source.get(), made.get(), static_cast<std::uint64_t>(status.st_size), entry.path);
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
