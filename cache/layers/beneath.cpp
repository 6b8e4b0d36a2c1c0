#include <cache/layers/beneath.hpp>
#include <cache/layers/make_entry.hpp>
#include <cache/layers/overlay_marks.hpp>
#include <cache/layers/recorded_ids.hpp>
#include <ir/error.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <tuple>

namespace slipway {
namespace {

// On what was copied up; absent where the file system has no handles for it.
constexpr std::array origins = {std::string_view("trusted.overlay.origin"),
                                std::string_view("user.overlay.origin")};

// In trusted mode steps can write this one. Where slipway itself does, no step has an overlay: the
// store lies on one (make_whiteout).
bool whiteout_marks_count(int directory) {
  struct statfs status {};
  return overlay_marks() == OverlayMarks::user ||
         (::fstatfs(directory, &status) == 0 && status.f_type == OVERLAYFS_SUPER_MAGIC);
}

// xattrs by name need a path: that of the descriptor's directory, which no one can swap.
std::string proc_path(int directory, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(directory) + "/" + name;
}

// What a call that fills a buffer gives, whatever its size turns out to be; empty on "none".
template <class Call>
std::string read_xattr(const Call& call, std::string_view what, const std::string& path) {
  std::string buffer(256, '\0');
  for (;;) {
    const ssize_t size = call(buffer.data(), buffer.size());
    if (size >= 0) {
      buffer.resize(static_cast<std::size_t>(size));
      return buffer;
    }
    if (errno == ENOTSUP || errno == ENODATA) return {};
    if (errno != ERANGE) throw system_error(what, path, errno);
    buffer.resize(buffer.size() * 16);  // the kernel's limit is 64 KiB
  }
}

// Without the walk through /proc, which costs more than the list: Linux 6.13 has listxattrat, and
// most files have nothing to list.
ssize_t list_xattrs(int directory, const std::string& name, char* to, std::size_t size) {
  constexpr long listxattrat =
      465;  // the same on every architecture; glibc 2.36 has no name for it
  static std::atomic<bool> missing = false;  // learned once; which thread learns it does not matter
  if (!missing.load(std::memory_order_relaxed)) {
    const long got = ::syscall(listxattrat, directory, name.c_str(), AT_SYMLINK_NOFOLLOW, to, size);
    // A seccomp profile that is older than the call says EPERM.
    if (got >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<ssize_t>(got);
    missing.store(true, std::memory_order_relaxed);
  }
  return ::llistxattr(proc_path(directory, name).c_str(), to, size);
}

bool is_one_of(const auto& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void read_xattrs(DiskEntry& found, int directory, const std::string& file) {
  Entry& entry = found.entry;
  const std::string names =
      read_xattr([&](char* to, std::size_t size) { return list_xattrs(directory, file, to, size); },
                 "llistxattr", entry.path);
  if (names.empty()) return;
  const std::string at = proc_path(directory, file);
  for (std::size_t from = 0; from < names.size();) {
    const std::string name = names.c_str() + from;
    from += name.size() + 1;
    if (name == whiteout_mark && entry.type == Entry::Type::file && entry.size == 0 &&
        whiteout_marks_count(directory)) {
      entry.type = Entry::Type::whiteout;
      return;
    }
    if (is_one_of(origins, name)) found.copied_up = true;
    // A step has the right to write the one that is no mark here.
    const bool mark = name == opaque_mark();
    const bool owner = name == owner_attribute && ids_are_recorded();
    if (!mark && !owner && !is_layer_xattr(name)) continue;
    std::string value = read_xattr(
        [&](char* to, std::size_t size) { return ::lgetxattr(at.c_str(), name.c_str(), to, size); },
        "lgetxattr", entry.path);
    if (mark) {
      entry.opaque = entry.opaque || value == "y";
    } else if (owner) {
      const auto ids = recorded_owner(value);
      if (!ids) continue;
      std::tie(entry.uid, entry.gid) = *ids;
      found.has_owner = true;
    } else {
      entry.xattrs.emplace_back(name, std::move(value));
    }
  }
  std::sort(entry.xattrs.begin(), entry.xattrs.end());
}

void read_status(DiskEntry& found) {
  const struct stat& status = found.status;
  Entry& entry = found.entry;
  entry.mode = status.st_mode & 07777;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.mtime = status.st_mtim.tv_sec;
  switch (status.st_mode & S_IFMT) {
    case S_IFREG:
      entry.type = Entry::Type::file;
      entry.size = static_cast<std::uint64_t>(status.st_size);
      break;
    case S_IFDIR:
      entry.type = Entry::Type::directory;
      break;
    case S_IFLNK:
      entry.type = Entry::Type::symlink;
      break;
    case S_IFIFO:
      entry.type = Entry::Type::fifo;
      break;
    case S_IFCHR:
      entry.type = status.st_rdev == 0 ? Entry::Type::whiteout : Entry::Type::char_device;
      break;
    case S_IFBLK:
      entry.type = Entry::Type::block_device;
      break;
    default:
      found.socket = true;
      break;
  }
  if (entry.type == Entry::Type::char_device || entry.type == Entry::Type::block_device) {
    entry.device_major = major(status.st_rdev);
    entry.device_minor = minor(status.st_rdev);
  }
}

}  // namespace

FileDescriptor open_root(const std::filesystem::path& directory) {
  FileDescriptor root(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) throw system_error("open", directory.native(), errno);
  return root;
}

FileDescriptor open_beneath(int root, std::string_view path, int flags) {
  const std::string name = path.empty() ? "." : std::string(path);
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_NOFOLLOW | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long opened = ::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how);
  if (opened < 0) throw system_error("openat2", path, errno);
  return FileDescriptor(static_cast<int>(opened));
}

FileDescriptor open_regular(int directory, std::string_view name, std::string_view path) {
  const FileDescriptor there(
      ::openat(directory, std::string(name).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!there) throw system_error("openat", path, errno);
  struct stat status {};
  if (::fstat(there.get(), &status) != 0) throw system_error("fstat", path, errno);
  if (!S_ISREG(status.st_mode)) throw Error(quoted(path) + " is no regular file");
  // The same file, and no other that has taken its name.
  FileDescriptor file(::open(("/proc/self/fd/" + std::to_string(there.get())).c_str(),
                             O_RDONLY | O_NOCTTY | O_CLOEXEC));
  if (!file) throw system_error("open", path, errno);
  return file;
}

int ParentCache::directory(std::string_view path) {
  if (!descriptor_ || path_ != path) {
    descriptor_ = open_beneath(root_, path, O_PATH | O_DIRECTORY);
    path_ = path;
  }
  return descriptor_.get();
}

FileDescriptor ParentCache::open(std::string_view path, int flags) {
  const std::string name(base_name(path));
  FileDescriptor file(
      ::openat(directory(parent_path(path)), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
  if (!file) throw system_error("openat", path, errno);
  return file;
}

std::size_t DescriptorSource::read(std::span<std::byte> buffer) {
  for (;;) {
    const ssize_t got = ::read(descriptor_.get(), buffer.data(), buffer.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) throw system_error("read", path_, errno);
  }
}

std::vector<std::string> sorted_names(int directory) {
  FileDescriptor copy(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!copy) throw system_error("openat", "", errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.get()), ::closedir);
  if (!stream) throw system_error("fdopendir", "", errno);
  copy.release();  // the stream's now
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) throw system_error("readdir", "", errno);
  std::sort(names.begin(), names.end());
  return names;
}

bool is_layer_xattr(std::string_view name) {
  if (name.starts_with("user.")) {
    return !name.starts_with("user.overlay.") && !name.starts_with("user.slipway.");
  }
  return name == "security.capability" || name == "system.posix_acl_access" ||
         name == "system.posix_acl_default";
}

DiskEntry read_entry(int directory, const std::string& name, const std::string& path) {
  DiskEntry found;
  found.entry.path = path;
  if (::fstatat(directory, name.c_str(), &found.status, AT_SYMLINK_NOFOLLOW) != 0) {
    throw system_error("fstatat", path, errno);
  }
  read_status(found);
  if (found.socket || found.entry.type == Entry::Type::whiteout) return found;
  found.has_owner = !ids_are_recorded();
  read_xattrs(found, directory, name);
  if (found.entry.type == Entry::Type::symlink) {
    std::string target(4096, '\0');  // PATH_MAX: no target is longer
    const ssize_t size = ::readlinkat(directory, name.c_str(), target.data(), target.size());
    if (size < 0) throw system_error("readlinkat", path, errno);
    target.resize(static_cast<std::size_t>(size));
    found.entry.link_target = std::move(target);
  }
  return found;
}

DiskEntry read_directory_entry(int directory, const std::string& path) {
  return read_entry(directory, ".", path);
}

}  // namespace slipway
