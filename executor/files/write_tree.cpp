#include <executor/files/write_tree.hpp>

#include <cache/layers/make_entry.hpp>
#include <cache/layers/recorded_ids.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace slipway {
namespace {

using Type = Entry::Type;

void check(int result, std::string_view call, std::string_view path) {
  if (result != 0) throw system_error(call, path, errno);
}

void set_metadata_and_time(int file, const Entry& entry) {
  set_metadata(file, entry);
  const timespec time{.tv_sec = entry.mtime, .tv_nsec = 0};
  const timespec times[2] = {time, time};
  check(::futimens(file, times), "futimens", entry.path);
}

}  // namespace

const char* TreeMaker::name(const Entry& entry) {
  name_ = base_name(entry.path);
  return name_.c_str();
}

void TreeMaker::make_directory(const Entry& entry) {
  if (entry.path.empty()) return;
  check(::mkdirat(parent(entry), name(entry), 0700), "mkdirat", entry.path);
}

void TreeMaker::finish_directory(const Entry& entry) {
  const FileDescriptor directory = open_beneath(root_, entry.path, O_RDONLY | O_DIRECTORY);
  set_metadata_and_time(directory.get(), entry);
}

FileDescriptor TreeMaker::make_file(const Entry& entry) {
  FileDescriptor file(::openat(parent(entry), name(entry),
                               O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) throw system_error("openat", entry.path, errno);
  return file;
}

void TreeMaker::finish_file(int file, const Entry& entry) {
  set_metadata_and_time(file, entry);
}

void TreeMaker::make_link(const Entry& entry) {
  const FileDescriptor first =
      open_beneath(root_, parent_path(entry.hard_link), O_PATH | O_DIRECTORY);
  const std::string first_name(base_name(entry.hard_link));
  check(::linkat(first.get(), first_name.c_str(), parent(entry), name(entry), 0), "linkat",
        entry.path);
}

void TreeMaker::make_whiteout(const Entry& entry) {
  const int directory = parent(entry);
  check(slipway::make_whiteout(directory, name(entry)), "mknodat", entry.path);
}

void TreeMaker::make_other(const Entry& entry) {
  const int directory = parent(entry);
  const char* const last = name(entry);
  check(make_layer_node(directory, last, entry),
        entry.type == Type::symlink ? "symlinkat" : "mknodat", entry.path);
  if (give_owner(directory, last, entry.uid, entry.gid) != 0)
    throw owner_error(entry.path, entry.uid, entry.gid, errno);
  // Just made, in a tree nobody else writes to: it is no link.
  if (entry.type != Type::symlink)
    check(::fchmodat(directory, last, entry.mode, 0), "fchmodat", entry.path);
  const std::string on_disk = "/proc/self/fd/" + std::to_string(directory) + "/" + last;
  for (const auto& [key, value] : entry.xattrs)
    check(::lsetxattr(on_disk.c_str(), key.c_str(), value.data(), value.size(), 0), "lsetxattr",
          entry.path);
  const timespec time{.tv_sec = entry.mtime, .tv_nsec = 0};
  const timespec times[2] = {time, time};
  check(::utimensat(directory, last, times, AT_SYMLINK_NOFOLLOW), "utimensat", entry.path);
}

}  // namespace slipway
