#include <cache/remove_tree.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>

namespace slipway {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using OpenDirectory = std::unique_ptr<DIR, CloseDirectory>;

OpenDirectory open_directory(int parent, const char* name) {
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int descriptor = ::openat(parent, name, flags);
  if (descriptor < 0 && errno == EACCES) {
    // Its owner has no right to it, and we may be no more than that.
    ::fchmodat(parent, name, 0700, 0);
    descriptor = ::openat(parent, name, flags);
  }
  if (descriptor < 0) return nullptr;
  DIR* const directory = ::fdopendir(descriptor);
  if (directory == nullptr) ::close(descriptor);
  return OpenDirectory(directory);
}

// Two directories are open at a time. What is below the second is moved up into the first, and
// emptied there in its turn.
class Emptying {
 public:
  // Everything in the directory.
  void run(DIR* top) {
    top_ = ::dirfd(top);
    // Once more as long as there is something new: directories are moved in while it is read.
    do {
      moved_ = false;
      ::rewinddir(top);
      while (const dirent* const entry = next(top)) empty_and_remove(entry->d_name);
    } while (moved_);
  }
  int error() const { return error_; }

 private:
  const dirent* next(DIR* directory) {
    for (;;) {
      errno = 0;
      const dirent* const entry = ::readdir(directory);
      if (entry == nullptr && errno != 0) note();
      if (entry == nullptr) return nullptr;
      if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
        return entry;
    }
  }

  void empty_and_remove(const char* name) {
    if (::unlinkat(top_, name, 0) == 0 || errno == ENOENT) return;
    if (errno != EISDIR && errno != EPERM) return note();
    if (::unlinkat(top_, name, AT_REMOVEDIR) == 0) return;
    if (errno != ENOTEMPTY && errno != EEXIST) return note();
    {
      const OpenDirectory directory = open_directory(top_, name);
      if (!directory) return note();
      while (const dirent* const entry = next(directory.get())) {
        remove_or_lift(::dirfd(directory.get()), entry->d_name);
      }
    }
    if (::unlinkat(top_, name, AT_REMOVEDIR) != 0) note();
  }

  void remove_or_lift(int directory, const char* name) {
    if (::unlinkat(directory, name, 0) == 0 || ::unlinkat(directory, name, AT_REMOVEDIR) == 0)
      return;
    if (errno != ENOTEMPTY && errno != EEXIST) return note();
    std::array<char, 32> lifted{};
    int result = 0;
    do {
      std::snprintf(lifted.data(), lifted.size(), "lifted-%ju", next_++);
      result = ::renameat2(directory, name, top_, lifted.data(), RENAME_NOREPLACE);
      if (result != 0 && errno == EACCES) {
        // Its ".." is to change, for which it must be writable.
        ::fchmodat(directory, name, 0700, 0);
        result = ::renameat2(directory, name, top_, lifted.data(), RENAME_NOREPLACE);
      }
    } while (result != 0 && errno == EEXIST);
    if (result != 0) return note();
    moved_ = true;
  }

  void note() {
    if (error_ == 0) error_ = errno;
  }

  int top_ = -1;
  std::uintmax_t next_ = 0;
  bool moved_ = false;
  int error_ = 0;
};

}  // namespace

std::error_code remove_tree(const std::filesystem::path& path) noexcept {
  const auto failure = [] { return std::error_code(errno, std::generic_category()); };
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return failure();
  Emptying emptying;
  {
    const OpenDirectory top = open_directory(AT_FDCWD, path.c_str());
    if (!top) return failure();
    emptying.run(top.get());
  }
  if (::rmdir(path.c_str()) == 0) return {};
  if (emptying.error() != 0) return std::error_code(emptying.error(), std::generic_category());
  return failure();
}

}  // namespace slipway
