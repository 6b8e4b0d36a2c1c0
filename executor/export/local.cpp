#include <executor/export/local.hpp>

#include <cache/file_descriptor.hpp>
#include <executor/export/merged.hpp>
#include <cache/layers/make_entry.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// Beneath the root and through no link at all: what lies in the way was replaced by a directory
// when that directory's own entry was written.
FileDescriptor open_beneath(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long number =
      ::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how);
  if (number < 0) throw system_error("openat2", path, errno);
  return FileDescriptor(static_cast<int>(number));
}

std::pair<std::string, std::string> split(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

class LocalWriter {
 public:
  LocalWriter(const StackView& view, const std::filesystem::path& directory) : view_(view) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    root_ = FileDescriptor(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root_) throw system_error("open", directory.string(), errno);
  }

  void write(const Entry& entry) {
    auto [parent, name] = split(entry.path);
    if (parent != parent_path_ || !parent_) {
      parent_ = open_beneath(root_.get(), parent, O_PATH | O_DIRECTORY);
      parent_path_ = parent;
    }
    switch (entry.type) {
      case Entry::Type::directory: return directory(entry, name);
      case Entry::Type::file: return file(entry, name);
      case Entry::Type::symlink:
        clear(name, entry.path);
        check(::symlinkat(entry.link_target.c_str(), parent_.get(), name.c_str()), "symlinkat",
              entry.path);
        return set_time(entry, name);
      case Entry::Type::fifo:
      case Entry::Type::char_device:
      case Entry::Type::block_device: return node(entry, name);
      case Entry::Type::whiteout: return;
    }
  }

  // Last, because what is written into a directory changes its time, and a read-only one could not
  // be written into.
  void finish() {
    for (auto entry = directories_.rbegin(); entry != directories_.rend(); ++entry) {
      const FileDescriptor made =
          open_beneath(root_.get(), entry->path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
      set_xattrs(made.get(), *entry);
      check(::fchmod(made.get(), entry->mode), "fchmod", entry->path);
      const timespec times[2] = {{.tv_sec = entry->mtime, .tv_nsec = 0},
                                 {.tv_sec = entry->mtime, .tv_nsec = 0}};
      check(::futimens(made.get(), times), "futimens", entry->path);
    }
  }

 private:
  static void check(int result, const char* call, const std::string& path) {
    if (result != 0) throw system_error(call, path, errno);
  }

  static void set_xattrs(int made, const Entry& entry) {
    for (const auto& [key, value] : entry.xattrs) {
      // Where the file system, or the caller, has no right to them, the content still counts.
      if (::fsetxattr(made, key.c_str(), value.data(), value.size(), 0) != 0 && errno != ENOTSUP &&
          errno != EPERM) {
        throw system_error("fsetxattr", entry.path, errno);
      }
    }
  }

  // Whatever has the name, unless it is a directory that is not empty.
  void clear(const std::string& name, const std::string& path) {
    if (::unlinkat(parent_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return;
    if (errno == EISDIR && ::unlinkat(parent_.get(), name.c_str(), AT_REMOVEDIR) == 0) return;
    throw system_error("replace", path, errno)
        .hint("the output directory holds something else there; remove it, or choose another");
  }

  void directory(const Entry& entry, const std::string& name) {
    directories_.push_back(entry);
    struct stat status {};
    const bool there =
        ::fstatat(parent_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && S_ISDIR(status.st_mode)) {
      check(::fchmodat(parent_.get(), name.c_str(), status.st_mode | 0700U, 0), "fchmodat",
            entry.path);
      return;
    }
    if (there) clear(name, entry.path);
    check(::mkdirat(parent_.get(), name.c_str(), 0700), "mkdirat", entry.path);
  }

  void file(const Entry& entry, const std::string& name) {
    clear(name, entry.path);
    if (!entry.hard_link.empty()) {
      const auto [first_parent, first_name] = split(entry.hard_link);
      const FileDescriptor first = open_beneath(root_.get(), first_parent, O_PATH | O_DIRECTORY);
      check(::linkat(first.get(), first_name.c_str(), parent_.get(), name.c_str(), 0), "linkat",
            entry.path);
      return;
    }
    const FileDescriptor made(::openat(parent_.get(), name.c_str(),
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!made) throw system_error("openat", entry.path, errno);
    read_merged(view_, entry, [&](std::span<const std::byte> bytes) {
      write_all(made.get(), bytes, entry.path);
    });
    set_xattrs(made.get(), entry);
    check(::fchmod(made.get(), entry.mode), "fchmod", entry.path);
    const timespec times[2] = {{.tv_sec = entry.mtime, .tv_nsec = 0},
                               {.tv_sec = entry.mtime, .tv_nsec = 0}};
    check(::futimens(made.get(), times), "futimens", entry.path);
  }

  void node(const Entry& entry, const std::string& name) {
    clear(name, entry.path);
    if (make_node(parent_.get(), name.c_str(), entry) != 0) {
      const int reason = errno;
      Error error = system_error("mknodat", entry.path, reason);
      if (reason == EPERM) error.hint("only root makes device nodes: take the files as type=tar");
      throw error;
    }
    check(::fchmodat(parent_.get(), name.c_str(), entry.mode, 0), "fchmodat", entry.path);
    set_time(entry, name);
  }

  void set_time(const Entry& entry, const std::string& name) {
    const timespec times[2] = {{.tv_sec = entry.mtime, .tv_nsec = 0},
                               {.tv_sec = entry.mtime, .tv_nsec = 0}};
    check(::utimensat(parent_.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW), "utimensat",
          entry.path);
  }

  const StackView& view_;
  FileDescriptor root_;
  FileDescriptor parent_;     // of the last entry; entries of one directory follow each other
  std::string parent_path_;
  std::vector<Entry> directories_;
};

}  // namespace

void export_local(const StackView& view, const std::filesystem::path& directory) {
  LocalWriter writer(view, directory);
  walk_merged(view, [&](const Entry& entry) { writer.write(entry); });
  writer.finish();
}

}  // namespace slipway
