#include <cache/file_descriptor.hpp>
#include <cache/layers/make_entry.hpp>
#include <cache/layers/recorded_ids.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

namespace slipway {

int make_node(int directory, const char* name, const Entry& entry) {
  using Type = Entry::Type;
  if (entry.type == Type::symlink) return ::symlinkat(entry.link_target.c_str(), directory, name);
  const mode_t type = entry.type == Type::fifo          ? S_IFIFO
                      : entry.type == Type::char_device ? S_IFCHR
                                                        : S_IFBLK;
  const dev_t device =
      entry.type == Type::fifo ? 0 : makedev(entry.device_major, entry.device_minor);
  return ::mknodat(directory, name, type | 0600, device);
}

int make_layer_node(int directory, const char* name, const Entry& entry) {
  const int result = make_node(directory, name, entry);
  const bool device =
      entry.type == Entry::Type::char_device || entry.type == Entry::Type::block_device;
  if (result == 0 || errno != EPERM || !device) return result;
  return ::mknodat(directory, name, S_IFREG | 0600, 0);
}

int make_whiteout(int directory, const char* name) {
  if (::mknodat(directory, name, S_IFCHR, makedev(0, 0)) == 0) return 0;
  if (errno != EPERM) return -1;
  const FileDescriptor file(
      ::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return -1;
  return ::fsetxattr(file.get(), whiteout_mark, "y", 1, 0);
}

void set_metadata(int file, const Entry& entry) {
  if (give_owner(file, entry.uid, entry.gid) != 0)
    throw owner_error(entry.path, entry.uid, entry.gid, errno);
  if (::fchmod(file, entry.mode) != 0) throw system_error("fchmod", entry.path, errno);
  for (const auto& [name, value] : entry.xattrs) {
    if (::fsetxattr(file, name.c_str(), value.data(), value.size(), 0) != 0)
      throw system_error("fsetxattr", entry.path, errno);
  }
}

}  // namespace slipway
