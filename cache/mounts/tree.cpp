#include <cache/mounts/tree.hpp>

#include <cache/layers/beneath.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <optional>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t longest_path = 4095;  // what openat2 takes

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

FileStamp stamp_of(const struct stat& status) {
  FileStamp stamp;
  stamp.device = status.st_dev;
  stamp.inode = status.st_ino;
  stamp.size = static_cast<std::uint64_t>(status.st_size);
  stamp.mtime_ns = nanoseconds(status.st_mtim);
  stamp.ctime_ns = nanoseconds(status.st_ctim);
  stamp.mode = status.st_mode;
  return stamp;
}

// What SEEK_DATA knows of a file that takes less room than its size.
std::vector<DataRange> find_data(int file, std::uint64_t size, const std::string& path) {
  std::vector<DataRange> ranges;
  const auto end = static_cast<off_t>(size);
  for (off_t at = 0; at < end;) {
    const off_t data = ::lseek(file, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // only a hole is left
    if (data < 0) throw system_error("lseek(SEEK_DATA)", path, errno);
    off_t hole = ::lseek(file, data, SEEK_HOLE);
    if (hole < 0) throw system_error("lseek(SEEK_HOLE)", path, errno);
    if (hole > end) hole = end;
    if (hole <= data) break;  // it was cut short meanwhile
    ranges.push_back({static_cast<std::uint64_t>(data), static_cast<std::uint64_t>(hole - data)});
    at = hole;
  }
  return ranges;
}

// Opens each directory by its path, so that one descriptor is open at a time however deep the tree.
class MountWalk {
 public:
  MountWalk(int root, const std::function<bool()>& cancelled)
      : root_(root), cancelled_(cancelled) {}

  MountTree run() {
    const FileDescriptor top = open_beneath(root_, "", O_RDONLY | O_DIRECTORY);
    add(read_directory_entry(top.get(), ""));
    visit("");
    return std::move(tree_);
  }

 private:
  void visit(const std::string& path) {
    if (cancelled_ && cancelled_()) throw Error("reading the cache mount was interrupted");
    std::vector<std::string> directories;
    {
      const FileDescriptor directory = open_beneath(root_, path, O_RDONLY | O_DIRECTORY);
      const std::vector<std::string> names = sorted_names(directory.get());
      found_.clear();
      for (const std::string& name : names) {
        std::string child = path.empty() ? name : path + "/" + name;
        if (child.size() > longest_path) {
          throw Error("the path " + quoted(child) + " is too long to be exported");
        }
        found_.push_back(read_entry(directory.get(), name, child));
        if (is_sparse(found_.back())) read_data(directory.get(), name);
      }
    }
    // A directory's entries lie between its names in path order, so it is entered at its turn.
    for (DiskEntry& found : std::exchange(found_, {})) {
      const std::string child = found.entry.path;
      const bool enter = found.entry.type == Entry::Type::directory && !found.socket;
      add(std::move(found));
      if (enter) visit(child);
    }
  }

  static bool is_sparse(const DiskEntry& found) {
    constexpr std::int64_t block = 512;
    return found.entry.type == Entry::Type::file && !found.socket &&
           found.status.st_blocks * block < found.status.st_size;
  }

  void read_data(int directory, const std::string& name) {
    const Entry& entry = found_.back().entry;
    const FileDescriptor file(::openat(directory, name.c_str(),
                                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file) throw system_error("openat", entry.path, errno);
    sparse_.emplace(entry.path, find_data(file.get(), entry.size, entry.path));
  }

  void add(DiskEntry found) {
    using Type = Entry::Type;
    const Type type = found.entry.type;
    if (found.socket || type == Type::char_device || type == Type::block_device ||
        type == Type::whiteout) {
      ++tree_.left_out;
      return;
    }
    MountEntry made;
    made.entry = std::move(found.entry);
    made.entry.opaque = false;  // a mark of overlayfs, which has no meaning here
    made.nanoseconds = static_cast<std::uint32_t>(found.status.st_mtim.tv_nsec);
    if (type != Type::directory && found.status.st_nlink > 1) {
      const auto [first, is_first] =
          files_.try_emplace({found.status.st_dev, found.status.st_ino}, made.entry.path);
      if (!is_first) made.entry.hard_link = first->second;
    }
    if (type == Type::file && made.entry.hard_link.empty()) {
      if (const auto known = sparse_.find(made.entry.path); known != sparse_.end()) {
        made.data = std::move(known->second);
        sparse_.erase(known);
      } else if (made.entry.size > 0) {
        made.data = {{0, made.entry.size}};
      }
    }
    tree_.entries.push_back(std::move(made));
    tree_.stamps.push_back(stamp_of(found.status));
  }

  int root_;
  const std::function<bool()>& cancelled_;
  MountTree tree_;
  std::vector<DiskEntry> found_;  // in the directory that is being read
  std::map<std::string, std::vector<DataRange>> sparse_;
  std::map<std::pair<dev_t, ino_t>, std::string> files_;  // those with several names: their first
};

}  // namespace

std::uint64_t data_size(const MountEntry& entry) {
  std::uint64_t size = 0;
  for (const DataRange& range : entry.data) size += range.length;
  return size;
}

MountTree read_mount_tree(const std::filesystem::path& directory,
                          const std::function<bool()>& cancelled) {
  const FileDescriptor root = open_root(directory);
  return MountWalk(root.get(), cancelled).run();
}

}  // namespace slipway
