#include <cache/room/tree_size.hpp>

#include <cache/file_descriptor.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

using namespace std::chrono_literals;

FileDescriptor open_folder(int root, const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  return FileDescriptor(static_cast<int>(
      ::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how)));
}

class Walk {
 public:
  explicit Walk(const std::function<void(const TreeSize&)>& told) : told_(told) {}

  TreeSize run(int root) {
    std::vector<std::string> folders{""};
    while (!folders.empty()) {
      const std::string folder = std::move(folders.back());
      folders.pop_back();
      // One that has gone meanwhile, or lies deeper than a path can name, is left out.
      FileDescriptor descriptor = open_folder(root, folder);
      if (descriptor) read(std::move(descriptor), folder, folders);
    }
    return size_;
  }

 private:
  void read(FileDescriptor descriptor, const std::string& folder,
            std::vector<std::string>& folders) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(descriptor.get()), ::closedir);
    if (!stream) return;
    const int open = descriptor.release();
    while (const dirent* entry = ::readdir(stream.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct stat status {};
      if (::fstatat(open, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (S_ISDIR(status.st_mode)) {
        folders.push_back(folder.empty() ? name : folder + "/" + name);
      } else {
        count(status);
      }
    }
  }

  void count(const struct stat& status) {
    if (status.st_nlink > 1 && !S_ISLNK(status.st_mode) &&
        !several_names_.insert({status.st_dev, status.st_ino}).second)
      return;
    ++size_.files;
    constexpr std::uint64_t block = 512;
    if (S_ISREG(status.st_mode))
      size_.bytes += std::min(static_cast<std::uint64_t>(status.st_size),
                              static_cast<std::uint64_t>(status.st_blocks) * block);
    constexpr std::uint64_t rarely = 256;
    if (!told_ || size_.files % rarely != 0) return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + 100ms;
    told_(size_);
  }

  const std::function<void(const TreeSize&)>& told_;
  TreeSize size_;
  std::set<std::pair<dev_t, ino_t>> several_names_;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + 1s;
};

}  // namespace

TreeSize measure_tree(const std::filesystem::path& path,
                      const std::function<void(const TreeSize&)>& told) {
  const FileDescriptor root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return root ? Walk(told).run(root.get()) : TreeSize{};
}

}  // namespace slipway
