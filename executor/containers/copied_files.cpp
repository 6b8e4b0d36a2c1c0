#include <executor/containers/copied_files.hpp>

#include <cache/layers/make_entry.hpp>
#include <cache/layers/recorded_ids.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

namespace slipway {
namespace {

using Type = Entry::Type;

std::array<timespec, 2> times_of(const Entry& entry) {
  const timespec time{.tv_sec = entry.mtime, .tv_nsec = 0};
  return {time, time};
}

}  // namespace

FilesWriter::FilesWriter(OpenDirectory open, Options options)
    : open_(std::move(open)), options_(options) {}

int FilesWriter::directory(std::string_view path) {
  if (!open_directory_ || open_path_ != path) {
    open_directory_ = open_(std::string(path));
    open_path_ = path;
  }
  return open_directory_.get();
}

void FilesWriter::add(const Entry& entry, const Content& content) {
  if (entry.type == Type::char_device || entry.type == Type::block_device) {
    copied_.left_out.push_back(entry.path);
  } else if (entry.type == Type::directory) {
    make_directory(entry);
  } else if (!entry.hard_link.empty()) {
    make_link(entry);
  } else if (entry.type == Type::file) {
    make_file(entry, content);
  } else {
    make_other(entry);
  }
}

// Whatever has the name, unless it is a directory, or a device: none would come in its place, and
// whoever is root would take it from the machine.
void FilesWriter::clear(int parent, const std::string& name, const std::string& path) const {
  struct stat status {};
  if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return;
    throw system_error("fstatat", path, errno);
  }
  if (S_ISDIR(status.st_mode))
    throw Error("cannot overwrite the directory " + quoted(path) + " with a file");
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
    throw Error(quoted(path) + " is a device, and is not overwritten");
  if (::unlinkat(parent, name.c_str(), 0) != 0) {
    Error error = system_error("unlinkat", path, errno);
    if (errno == EBUSY) error.hint("something is mounted there");
    throw error;
  }
}

void FilesWriter::make_directory(const Entry& entry) {
  if (entry.path.empty()) return;  // that is there
  const int parent = directory(parent_path(entry.path));
  const std::string name(base_name(entry.path));
  if (::mkdirat(parent, name.c_str(), 0700) == 0) {
    directories_.insert_or_assign(entry.path, entry);
    return;
  }
  if (errno != EEXIST) throw system_error("mkdirat", entry.path, errno);
  // A tar may have what is in a directory before it, and the same one twice.
  if (const auto made = directories_.find(entry.path); made != directories_.end()) {
    made->second = entry;
    return;
  }
  struct stat status {};
  if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    throw system_error("fstatat", entry.path, errno);
  if (!S_ISDIR(status.st_mode))
    throw Error("cannot overwrite " + quoted(entry.path) + ", which is no directory, with one");
}

void FilesWriter::make_directories(std::string_view path) {
  if (path.empty()) return;
  make_directories(parent_path(path));
  const int parent = directory(parent_path(path));
  const std::string name(base_name(path));
  if (::mkdirat(parent, name.c_str(), 0755) != 0) {
    if (errno != EEXIST) throw system_error("mkdirat", path, errno);
    return;
  }
  Entry entry;
  entry.path = path;
  entry.type = Type::directory;
  entry.mode = 0755;
  entry.mtime = std::time(nullptr);
  directories_.insert_or_assign(entry.path, std::move(entry));
}

void FilesWriter::make_file(const Entry& entry, const Content& content) {
  const int parent = directory(parent_path(entry.path));
  const std::string name(base_name(entry.path));
  clear(parent, name, entry.path);
  const FileDescriptor made(
      ::openat(parent, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made) throw system_error("openat", entry.path, errno);
  content(made.get());
  set_metadata(made.get(), entry);
  if (::futimens(made.get(), times_of(entry).data()) != 0)
    throw system_error("futimens", entry.path, errno);
  copied_.bytes += entry.size;
}

void FilesWriter::make_link(const Entry& entry) {
  if (std::find(copied_.left_out.begin(), copied_.left_out.end(), entry.hard_link) !=
      copied_.left_out.end()) {
    copied_.left_out.push_back(entry.path);
    return;
  }
  const FileDescriptor from = open_(std::string(parent_path(entry.hard_link)));
  const std::string first(base_name(entry.hard_link));
  const int parent = directory(parent_path(entry.path));
  const std::string name(base_name(entry.path));
  clear(parent, name, entry.path);
  if (::linkat(from.get(), first.c_str(), parent, name.c_str(), 0) != 0)
    throw system_error("linkat", entry.path, errno);
}

void FilesWriter::make_other(const Entry& entry) {
  const int parent = directory(parent_path(entry.path));
  const std::string name(base_name(entry.path));
  clear(parent, name, entry.path);
  if (make_node(parent, name.c_str(), entry) != 0)
    throw system_error(entry.type == Type::symlink ? "symlinkat" : "mknodat", entry.path, errno);
  const std::uint32_t uid = options_.archive ? entry.uid : 0;
  const std::uint32_t gid = options_.archive ? entry.gid : 0;
  if (options_.in_container && give_owner(parent, name.c_str(), uid, gid) != 0)
    throw owner_error(entry.path, uid, gid, errno);
  if (!options_.in_container && options_.archive &&
      ::fchownat(parent, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
    throw owner_error(entry.path, uid, gid, errno);
  if (entry.type != Type::symlink) {
    // Of the node itself, and not of a link that somebody has put in its place.
    const FileDescriptor node(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!node || ::fstat(node.get(), &status) != 0) throw system_error("openat", entry.path, errno);
    const std::string self = "/proc/self/fd/" + std::to_string(node.get());
    if (!S_ISLNK(status.st_mode) && ::chmod(self.c_str(), mode_of(entry)) != 0)
      throw system_error("chmod", entry.path, errno);
  }
  if (::utimensat(parent, name.c_str(), times_of(entry).data(), AT_SYMLINK_NOFOLLOW) != 0)
    throw system_error("utimensat", entry.path, errno);
}

std::uint32_t FilesWriter::mode_of(const Entry& entry) const {
  return options_.in_container || options_.archive ? entry.mode : entry.mode & 01777;
}

void FilesWriter::set_metadata(int file, const Entry& entry) const {
  const std::uint32_t uid = options_.archive ? entry.uid : 0;
  const std::uint32_t gid = options_.archive ? entry.gid : 0;
  if (options_.in_container) {
    if (give_owner(file, uid, gid) != 0) throw owner_error(entry.path, uid, gid, errno);
  } else if (options_.archive && ::fchown(file, uid, gid) != 0) {
    throw owner_error(entry.path, uid, gid, errno);
  }
  if (::fchmod(file, mode_of(entry)) != 0) throw system_error("fchmod", entry.path, errno);
  for (const auto& [name, value] : entry.xattrs) {
    const bool wanted = options_.archive || name.starts_with("user.") ||
                        (options_.in_container && name == "security.capability");
    // Where the file system, or the caller, has no right to them, the content still counts.
    if (wanted && ::fsetxattr(file, name.c_str(), value.data(), value.size(), 0) != 0 &&
        errno != ENOTSUP && errno != EPERM) {
      throw system_error("fsetxattr", entry.path, errno);
    }
  }
}

CopiedFiles FilesWriter::finish() {
  for (auto entry = directories_.rbegin(); entry != directories_.rend(); ++entry) {
    const auto& [path, metadata] = *entry;
    const int parent = directory(parent_path(path));
    const FileDescriptor made(::openat(parent, std::string(base_name(path)).c_str(),
                                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made) throw system_error("openat", path, errno);
    set_metadata(made.get(), metadata);
    if (::futimens(made.get(), times_of(metadata).data()) != 0)
      throw system_error("futimens", path, errno);
  }
  return std::move(copied_);
}

}  // namespace slipway
