// Tree::collect: what a step changed, from the tree into an upper directory.
//
// First the tree is compared with what was known of it before the step, by stamps alone; then what
// is new is moved. The upper directory may hold more than the change, as an overlay's does (a file
// that was only touched): index_upper compares contents.
#include <executor/chroot/tree.hpp>

#include <cache/layers/beneath.hpp>
#include <cache/layers/make_entry.hpp>
#include <executor/chroot/copy_node.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <unordered_map>

namespace slipway {
namespace {

constexpr std::size_t longest_path = 4095;  // what openat2 takes

// A file in the store must not carry a mark of overlayfs's that a step has put there.
void remove_marks(const std::string& place, const std::string& path) {
  std::string names(256, '\0');
  ssize_t size = 0;
  while ((size = ::llistxattr(place.c_str(), names.data(), names.size())) < 0) {
    if (errno == ENOTSUP || errno == ENODATA) return;
    if (errno != ERANGE) throw system_error("llistxattr", path, errno);
    names.resize(names.size() * 16);
  }
  for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
    const std::string name = names.c_str() + at;
    at += name.size() + 1;
    if (!name.starts_with("user.overlay.") && !name.starts_with("trusted.overlay.")) continue;
    if (::lremovexattr(place.c_str(), name.c_str()) != 0)
      throw system_error("lremovexattr", path, errno);
  }
}

}  // namespace

class Changes {
 public:
  Changes(Tree& tree, const Inodes& foreign) : tree_(tree), foreign_(foreign) {}

  void find() {
    visit("");
  }

  void move_to(const std::filesystem::path& upper) {
    const FileDescriptor root = open_root(upper);
    ParentCache from(tree_.root_.get());
    ParentCache to(root.get());
    upper_ = root.get();
    make_directory("");
    for (const Change& change : changes_) {
      switch (change.kind) {
        case Change::Kind::directory:
          make_directory(change.path);
          break;
        case Change::Kind::file:
          make_directory(parent_path(change.path));
          move(change, from, to);
          break;
        case Change::Kind::whiteout:
          make_directory(parent_path(change.path));
          if (make_whiteout(to.directory(parent_path(change.path)),
                            std::string(base_name(change.path)).c_str()) != 0)
            throw system_error("mknodat", change.path, errno);
          break;
        case Change::Kind::leftover:
          if (::unlinkat(from.directory(parent_path(change.path)),
                         std::string(base_name(change.path)).c_str(), 0) != 0)
            throw system_error("unlinkat", change.path, errno);
          tree_.make_stale(parent_path(change.path));
          break;
      }
    }
    // All that they held has been moved.
    for (auto path = new_directories_.rbegin(); path != new_directories_.rend(); ++path) {
      if (::unlinkat(from.directory(parent_path(*path)), std::string(base_name(*path)).c_str(),
                     AT_REMOVEDIR) != 0)
        throw system_error("unlinkat", *path, errno);
      from.forget();
    }
    for (const auto& [path, times] : made_) {
      const FileDescriptor directory = open_beneath(upper_, path, O_RDONLY | O_DIRECTORY);
      if (::futimens(directory.get(), times.data()) != 0)
        throw system_error("futimens", path, errno);
    }
  }

 private:
  using Node = Tree::Node;
  using Type = Entry::Type;

  struct Change {
    enum class Kind {
      directory,
      file,      // all that is no directory
      whiteout,
      leftover,  // no layer holds it
    };
    Kind kind;
    std::string path;
    struct stat status {};
  };

  // The next known path is not in the tree any more; nor is what lay in it. Its directory still is.
  void gone() {
    Node& node = tree_.nodes_[next_++];
    // Something that was missing before the step is nothing that the step removed.
    if (node.state != Node::State::absent)
      changes_.push_back({Change::Kind::whiteout, std::string(node.path), {}});
    forget(node);
  }

  // The node, which is `next_ - 1`, is gone with all that is known to lie in it.
  void forget(Node& node) {
    node.state = Node::State::absent;
    if (node.type != Type::directory) return;
    while (next_ < tree_.nodes_.size() && path_within(tree_.nodes_[next_].path, node.path))
      tree_.nodes_[next_++].state = Node::State::absent;
  }

  void visit(const std::string& path) {
    const FileDescriptor directory =
        open_beneath(tree_.root_.get(), path, O_RDONLY | O_DIRECTORY);
    for (const std::string& name : sorted_names(directory.get())) {
      std::string child = path.empty() ? name : path + "/" + name;
      if (child.size() > longest_path)
        throw Error("the path " + quoted(child) + " is too long for a layer");
      while (next_ < tree_.nodes_.size() && path_less(tree_.nodes_[next_].path, child))
        gone();
      see(directory.get(), name, std::move(child));
    }
    while (next_ < tree_.nodes_.size() && path_within(tree_.nodes_[next_].path, path)) gone();
  }

  void see(int directory, const std::string& name, std::string path) {
    struct stat status {};
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      throw system_error("fstatat", path, errno);
    Node* const node = next_ < tree_.nodes_.size() && tree_.nodes_[next_].path == path
                           ? &tree_.nodes_[next_++]
                           : nullptr;
    const bool is_directory = S_ISDIR(status.st_mode);
    const auto stamp = stat_stamp(directory, name.c_str());
    if (!stamp) throw system_error("statx", path, errno);
    const bool same = node != nullptr && node->state == Node::State::present &&
                      node->stamp == *stamp;
    if (is_directory) {
      const bool was_directory = node != nullptr && node->type == Type::directory;
      if (!was_directory) {
        if (node != nullptr) forget(*node);
        new_directories_.push_back(path);
      }
      if (!same) {
        if (!was_directory || has_other_metadata(directory, name, *node))
          changes_.push_back({Change::Kind::directory, path, status});
        if (was_directory) node->state = Node::State::stale;
      }
      return visit(path);
    }
    if (same) return;
    if (node != nullptr) forget(*node);
    if (foreign_.contains({status.st_dev, status.st_ino})) {
      changes_.push_back({Change::Kind::leftover, std::move(path), status});
      return;
    }
    // As an overlay's upper directory, in which a socket hides what is below and is in no layer.
    const bool socket = S_ISSOCK(status.st_mode);
    if (!socket && status.st_nlink > 1) ++names_[{status.st_dev, status.st_ino}];
    changes_.push_back({socket ? Change::Kind::leftover : Change::Kind::file, std::move(path),
                        status});
  }

  // Whatever happens in a directory changes its times, which say nothing.
  bool has_other_metadata(int parent, const std::string& name, const Node& node) const {
    const Entry now = read_entry(parent, name, std::string(node.path)).entry;
    const Entry before = tree_.merged_.entry_of(node);
    return now.mode != before.mode || now.uid != before.uid || now.gid != before.gid ||
           now.xattrs != before.xattrs;
  }

  // The directory and those above it, as they are in the tree.
  void make_directory(std::string_view path) {
    const std::string text(path);
    if (made_.contains(text)) return;
    if (!path.empty()) make_directory(parent_path(path));
    const FileDescriptor inside = open_beneath(tree_.root_.get(), path, O_RDONLY | O_DIRECTORY);
    const DiskEntry disk = read_directory_entry(inside.get(), text);
    if (!path.empty()) {
      const FileDescriptor parent =
          open_beneath(upper_, parent_path(path), O_PATH | O_DIRECTORY);
      if (::mkdirat(parent.get(), std::string(base_name(path)).c_str(), 0700) != 0)
        throw system_error("mkdirat", path, errno);
    }
    const FileDescriptor made = open_beneath(upper_, path, O_RDONLY | O_DIRECTORY);
    set_metadata(made.get(), disk.entry);
    made_.emplace(text, std::array<timespec, 2>{disk.status.st_atim, disk.status.st_mtim});
    tree_.make_stale(path);
  }

  void move(const Change& change, ParentCache& from, ParentCache& to) {
    const std::string name(base_name(change.path));
    const int source = from.directory(parent_path(change.path));
    const int target = to.directory(parent_path(change.path));
    const std::pair inode{change.status.st_dev, change.status.st_ino};
    const auto names = names_.find(inode);
    // A name outside of the tree, in a cache mount: who writes there later must not reach the store.
    const bool shared = names != names_.end() && change.status.st_nlink > names->second;
    if (!shared && ::renameat(source, name.c_str(), target, name.c_str()) == 0) {
      if (names == names_.end() || cleaned_.insert(inode).second)
        remove_marks("/proc/self/fd/" + std::to_string(target) + "/" + name, change.path);
      return;
    }
    if (!shared && errno != EXDEV) throw system_error("renameat", change.path, errno);
    copy(change, source, name, target);
  }

  void copy(const Change& change, int source, const std::string& name, int target) {
    const std::pair inode{change.status.st_dev, change.status.st_ino};
    if (const auto copied = copies_.find(inode); copied != copies_.end()) {
      const FileDescriptor parent =
          open_beneath(upper_, parent_path(copied->second), O_PATH | O_DIRECTORY);
      if (::linkat(parent.get(), std::string(base_name(copied->second)).c_str(), target,
                   name.c_str(), 0) != 0)
        throw system_error("linkat", change.path, errno);
    } else {
      copy_node(source, name, read_entry(source, name, change.path).entry, target, name);
      if (change.status.st_nlink > 1) copies_.emplace(inode, change.path);
    }
    if (::unlinkat(source, name.c_str(), 0) != 0)
      throw system_error("unlinkat", change.path, errno);
  }

  Tree& tree_;
  const Inodes& foreign_;
  std::size_t next_ = 0;  // the first known path that the walk has not come to
  std::vector<Change> changes_;
  std::vector<std::string> new_directories_;
  std::map<std::pair<dev_t, ino_t>, nlink_t> names_;  // of files with several: how many are moved
  Inodes cleaned_;
  std::map<std::pair<dev_t, ino_t>, std::string> copies_;  // of such files: the first one's path
  int upper_ = -1;
  std::unordered_map<std::string, std::array<timespec, 2>> made_;  // in upper, and their times
};

void Tree::collect(const std::filesystem::path& upper, const Inodes& foreign) {
  Changes changes(*this, foreign);
  changes.find();
  changes.move_to(upper);
}

}  // namespace slipway
