// From overlayfs's upper directory to the layer that a step made.
//
// The upper directory holds more than the change: each file that was opened for writing or had its
// mode set to what it was is there as a whole copy, and so is each directory above a change. What
// equals the layers below is left out; directories' times do not count, a file's content always
// does. The directories above a change stay in, as they are below: an unpacker that makes this
// layer's tree alone would otherwise give /tmp another mode (LayerBuilder says more).
//
// An opaque directory (removed and made again) becomes explicit whiteouts, as the OCI image spec
// recommends (layer.md#opaque-whiteout). Its children carry no mark of their own, so opaqueness is
// handed down in the walk.
//
// What is left out of the layer must not stay in its directory either: layers that have the same
// index are one directory, on whatever they are stacked, and a copy of what lay below this step
// would hide what lies below another one. So clean() makes the two agree.
#include <cache/layers/beneath.hpp>
#include <cache/layers/make_entry.hpp>
#include <cache/layers/overlay_marks.hpp>
#include <cache/layers/upper.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t longest_path = 4095;  // what openat2 takes
constexpr std::size_t no_parent = std::numeric_limits<std::size_t>::max();

struct Node {
  Entry entry;
  std::optional<Entry> below;
  std::size_t parent = no_parent;  // its place in the list
  bool emitted = false;
  std::pair<dev_t, ino_t> inode{};  // where `linked`
  bool linked = false;              // a non-directory with several names
  bool on_disk = true;              // false: a whiteout that stands for an opaque mark
  bool marked = false;              // a directory with an opaque mark
};

// Opens each directory by its path, so that one descriptor is open at a time however deep the
// tree.
class UpperWalk {
 public:
  UpperWalk(int root, const StackView& below, const UpperTree::Options& options)
      : root_(root),
        below_(below),
        maker_(options.maker),
        changing_(options.changing),
        files_(root) {}

  std::vector<Node> run() {
    const FileDescriptor top = open_beneath(root_, "", O_RDONLY | O_DIRECTORY);
    Node node;
    node.entry = read_directory_entry(top.get(), "").entry;
    node.below = below_.find("");
    const bool opaque = node.marked = std::exchange(node.entry.opaque, false);
    // A root nobody touched is 0755 0:0, whatever the one below is.
    const bool untouched = node.entry.mode == 0755 && node.entry.uid == 0 && node.entry.gid == 0 &&
                           node.entry.xattrs.empty();
    node.emitted = !untouched && !same_metadata(node.entry, *node.below);
    nodes_.push_back(std::move(node));
    visit(0, opaque, !below_.layers().empty());
    return std::move(nodes_);
  }

  // Paths that are there and make no entry: sockets, and whiteouts of what is not below.
  std::vector<std::string> strays() { return std::move(strays_); }

 private:
  // `merged`: the layers below have a directory at the same place.
  void visit(std::size_t directory, bool opaque, bool merged) {
    // A copy, because the list grows while it is used.
    const Entry parent = nodes_[directory].entry;
    for (Found& found : read_children(parent, opaque && merged, merged)) {
      Node node = std::move(found.node);
      node.parent = directory;
      if (node.entry.type != Entry::Type::directory) {
        node.emitted = !found.suppressed;
        nodes_.push_back(std::move(node));
        continue;
      }
      node.marked = std::exchange(node.entry.opaque, false);
      const bool child_opaque = node.marked || opaque;
      const bool child_merged = node.below && node.below->type == Entry::Type::directory;
      node.emitted = !node.below || !same_metadata(node.entry, *node.below);
      nodes_.push_back(std::move(node));
      visit(nodes_.size() - 1, child_opaque, child_merged);
    }
  }

  struct Found {
    Node node;
    bool suppressed = false;
  };

  // In byte order of their names. With the whiteouts that stand for an opaque directory.
  std::vector<Found> read_children(const Entry& parent, bool opaque, bool merged) {
    const std::string& path = parent.path;
    FileDescriptor directory;
    std::vector<std::string> names;
    if (!is_there([&] { return has_gone(path, S_IFDIR); },
                  [&] {
                    directory = open_beneath(root_, path, O_RDONLY | O_DIRECTORY);
                    names = sorted_names(directory.get());
                  })) {
      names.clear();
    }
    std::vector<Found> children;
    children.reserve(names.size());
    for (const std::string& name : names) {
      std::string child = path.empty() ? name : path + "/" + name;
      if (child.size() > longest_path) {
        throw Error("the path " + quoted(child) + " is too long for a layer");
      }
      DiskEntry disk;
      if (!is_there([&] { return has_gone(directory.get(), name); },
                    [&] { disk = read_entry(directory.get(), name, child); }))
        continue;
      if (disk.socket) {  // no tar can hold one
        strays_.push_back(std::move(child));
        continue;
      }
      Found found;
      if (merged) found.node.below = below_.find(child);
      if (!disk.has_owner) find_owner(disk, found.node.below, parent);
      const bool whiteout = disk.entry.type == Entry::Type::whiteout;
      if (whiteout && !found.node.below) {
        strays_.push_back(std::move(child));
        continue;
      }
      found.node.linked =
          !whiteout && disk.entry.type != Entry::Type::directory && disk.status.st_nlink > 1;
      found.node.inode = {disk.status.st_dev, disk.status.st_ino};
      found.node.entry = std::move(disk.entry);
      if (whiteout) {
        Entry bare;
        bare.path = std::move(child);
        bare.type = Entry::Type::whiteout;
        found.node.entry = std::move(bare);
      } else if (found.node.entry.type != Entry::Type::directory) {
        found.suppressed = found.node.below && same_file(found.node.entry, *found.node.below);
      }
      children.push_back(std::move(found));
    }
    if (opaque) add_whiteouts(path, names, children);
    return children;
  }

  void add_whiteouts(const std::string& path, const std::vector<std::string>& names,
                     std::vector<Found>& children) {
    for (const std::string& name : below_.list(path)) {
      if (std::binary_search(names.begin(), names.end(), name)) continue;
      Found gone;
      gone.node.entry.path = path.empty() ? name : path + "/" + name;
      gone.node.entry.type = Entry::Type::whiteout;
      gone.node.on_disk = false;
      children.push_back(std::move(gone));
    }
    std::sort(children.begin(), children.end(), [](const Found& left, const Found& right) {
      return left.node.entry.path < right.node.entry.path;  // one directory: byte order will do
    });
  }

  // Whose a file without a record is (recorded_ids.hpp): what came from below and had none there is
  // root's, or has it in the index if it can have no record; what is new, its maker's, and its
  // directory's group where that hands it on.
  void find_owner(DiskEntry& disk, const std::optional<Entry>& below, const Entry& parent) const {
    Entry& entry = disk.entry;
    OwnerIds owner = maker_;
    if ((parent.mode & 02000) != 0) owner.second = parent.gid;
    if (disk.copied_up) owner = {0, 0};
    const bool can_have_record =
        entry.type == Entry::Type::file || entry.type == Entry::Type::directory;
    if (!can_have_record && below && below->type == entry.type &&
        below->link_target == entry.link_target) {
      owner = {below->uid, below->gid};
    }
    std::tie(entry.uid, entry.gid) = owner;
  }

  static bool same_metadata(const Entry& upper, const Entry& below) {
    return upper.type == below.type && upper.mode == below.mode && upper.uid == below.uid &&
           upper.gid == below.gid && upper.xattrs == below.xattrs;
  }

  bool same_file(const Entry& upper, const Entry& below) {
    if (!same_metadata(upper, below) || upper.mtime != below.mtime || upper.size != below.size ||
        upper.link_target != below.link_target || upper.device_major != below.device_major ||
        upper.device_minor != below.device_minor) {
      return false;
    }
    if (upper.type != Entry::Type::file) return true;
    return digest_of(upper.path) == below.content;
  }

  // Reads; false: it was taken away meanwhile. What was put in its place is read instead.
  bool is_there(const std::function<bool()>& gone, const std::function<void()>& read) const {
    constexpr int most_attempts = 100;  // somebody takes it away and puts it back all the time
    for (int attempt = 1;; ++attempt) {
      try {
        read();
        return true;
      } catch (const Error&) {
        if (!changing_) throw;
        if (gone()) return false;
        if (attempt == most_attempts) throw;
      }
    }
  }
  static bool has_gone(int directory, const std::string& name) {
    struct stat status {};
    return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0;
  }
  bool has_gone(const std::string& path, mode_t type) const {
    try {
      const FileDescriptor there = open_beneath(root_, path, O_PATH);
      struct stat status {};
      return ::fstat(there.get(), &status) != 0 || (status.st_mode & S_IFMT) != type;
    } catch (const Error&) {
      return true;
    }
  }

  Digest digest_of(const std::string& path) {
    FileDescriptor opened;
    const bool there = is_there([&] { return has_gone(path, S_IFREG); },
                                [&] {
                                  if (changing_) files_.forget();
                                  opened = open_regular(files_.directory(parent_path(path)),
                                                        base_name(path), path);
                                });
    if (!there) return {};
    DescriptorSource file(std::move(opened));
    buffer_.resize(std::size_t{256} << 10);
    while (const std::size_t got = file.read(buffer_)) {
      hasher_.update(std::span<const std::byte>(buffer_.data(), got));
    }
    return hasher_.finish();
  }

  int root_;
  const StackView& below_;
  const OwnerIds maker_;
  const bool changing_;
  ParentCache files_;
  Hasher hasher_;
  std::vector<std::byte> buffer_;
  std::vector<Node> nodes_;  // in path order
  std::vector<std::string> strays_;
};

// The first name of several is the file, the others name it. A group is left out only as a whole:
// a new name of an unchanged file keeps the file in the layer.
void join_links(std::vector<Node>& nodes) {
  std::map<std::pair<dev_t, ino_t>, std::vector<std::size_t>> groups;
  for (std::size_t at = 0; at < nodes.size(); ++at) {
    if (nodes[at].linked) groups[nodes[at].inode].push_back(at);
  }
  const auto file_below = [&nodes](std::size_t at) -> const std::string& {
    const Entry& below = *nodes[at].below;
    return below.hard_link.empty() ? below.path : below.hard_link;
  };
  for (const auto& [inode, members] : groups) {
    if (members.size() == 1) continue;
    const bool unchanged = std::all_of(members.begin(), members.end(), [&](std::size_t at) {
      return !nodes[at].emitted && file_below(at) == file_below(members.front());
    });
    if (unchanged) continue;
    for (const std::size_t at : members) {
      nodes[at].emitted = true;
      if (at != members.front()) nodes[at].entry.hard_link = nodes[members.front()].entry.path;
    }
  }
}

// As long as nothing is in them. Backwards, because what a directory holds comes behind it.
void leave_out(std::vector<Node>& nodes, const std::set<std::string, std::less<>>& stubs) {
  if (stubs.empty()) return;
  std::vector<bool> holds_something(nodes.size(), false);
  for (std::size_t at = nodes.size(); at-- > 1;) {
    Node& node = nodes[at];
    const Entry& entry = node.entry;
    const bool empty = entry.type == Entry::Type::directory
                           ? !holds_something[at]
                           : entry.type == Entry::Type::file && entry.size == 0;
    if (empty && stubs.contains(entry.path)) node.emitted = false;
    if (node.emitted || holds_something[at]) holds_something[node.parent] = true;
  }
}

// A directory that is in the layer only for what it holds is as it is below, its time included:
// when it was last written says nothing of the change, and would make equal steps differ.
void emit_parents(std::vector<Node>& nodes) {
  for (std::size_t at = nodes.size(); at-- > 1;) {
    if (!nodes[at].emitted) continue;
    Node& parent = nodes[nodes[at].parent];
    if (parent.emitted || parent.entry.path.empty()) continue;
    parent.emitted = true;
    std::string path = std::move(parent.entry.path);
    parent.entry = *parent.below;
    parent.entry.path = std::move(path);
    parent.entry.opaque = false;
  }
}

// Changes names in directories and leaves the directories' times as they were.
class Cleaner {
 public:
  explicit Cleaner(int root) : root_(root) {}

  void remove(const std::string& path, bool directory) {
    const auto [parent, name] = place(path);
    if (::unlinkat(parent, name.c_str(), directory ? AT_REMOVEDIR : 0) != 0)
      throw system_error("unlinkat", path, errno);
  }
  void add_whiteout(const std::string& path) {
    const auto [parent, name] = place(path);
    if (make_whiteout(parent, name.c_str()) != 0) throw system_error("mknodat", path, errno);
  }
  void remove_mark(const std::string& path) {
    const FileDescriptor directory = open_beneath(root_, path, O_RDONLY | O_DIRECTORY);
    if (::fremovexattr(directory.get(), opaque_mark()) != 0)
      throw system_error("fremovexattr", path, errno);
  }
  void restore_times() {
    for (const auto& [path, times] : times_) {
      const FileDescriptor directory = open_beneath(root_, path, O_RDONLY | O_DIRECTORY);
      if (::futimens(directory.get(), times.data()) != 0)
        throw system_error("futimens", path, errno);
    }
  }
  void forget(const std::string& path) { times_.erase(path); }

 private:
  // The directory that a path lies in, open until the next call.
  std::pair<int, std::string> place(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string above = slash == std::string::npos ? "" : path.substr(0, slash);
    if (!open_ || above != open_path_) {
      open_ = open_beneath(root_, above, O_RDONLY | O_DIRECTORY);
      open_path_ = above;
    }
    struct stat status = {};
    if (::fstat(open_.get(), &status) != 0) throw system_error("fstat", above, errno);
    times_.try_emplace(above, std::array{status.st_atim, status.st_mtim});
    return {open_.get(), slash == std::string::npos ? path : path.substr(slash + 1)};
  }

  int root_;
  FileDescriptor open_;
  std::string open_path_;
  std::map<std::string, std::array<timespec, 2>> times_;  // by directory
};

}  // namespace

struct UpperTree::State {
  FileDescriptor root;
  std::vector<Node> nodes;
  std::vector<std::string> strays;
};

UpperTree::UpperTree(const std::filesystem::path& upper, const StackView& below, OwnerIds maker)
    : UpperTree(upper, below, Options{maker}) {}

UpperTree::UpperTree(const std::filesystem::path& upper, const StackView& below, Options options)
    : state_(new State{open_root(upper), {}, {}}) {
  UpperWalk walk(state_->root.get(), below, options);
  state_->nodes = walk.run();
  state_->strays = walk.strays();
  join_links(state_->nodes);
  leave_out(state_->nodes, options.stubs);
  emit_parents(state_->nodes);
}

UpperTree::~UpperTree() = default;

void UpperTree::clean() {
  Cleaner cleaner(state_->root.get());
  for (const std::string& path : state_->strays) cleaner.remove(path, false);
  // What a directory holds comes behind it.
  for (auto node = state_->nodes.rbegin(); node != state_->nodes.rend(); ++node) {
    const std::string& path = node->entry.path;
    if (node->emitted && !node->on_disk) cleaner.add_whiteout(path);
    if (node->marked) cleaner.remove_mark(path);
    if (node->emitted || !node->on_disk || path.empty()) continue;
    const bool directory = node->entry.type == Entry::Type::directory;
    cleaner.remove(path, directory);
    if (directory) cleaner.forget(path);
  }
  cleaner.restore_times();
}

void UpperTree::for_each(
    const std::function<void(const Entry& entry, const std::optional<Entry>& below)>& visit) const {
  for (const Node& node : state_->nodes)
    if (node.emitted) visit(node.entry, node.below);
}

int UpperTree::root() const {
  return state_->root.get();
}

BuiltLayer UpperTree::index() const {
  LayerBuilder builder;
  ParentCache files(state_->root.get());
  for (const Node& node : state_->nodes) {
    if (!node.emitted) continue;
    const Entry& entry = node.entry;
    if (entry.type != Entry::Type::file || entry.size == 0 || !entry.hard_link.empty()) {
      builder.add(entry);
    } else {
      DescriptorSource content(files.open(entry.path, O_RDONLY | O_NONBLOCK));
      builder.add_file(entry, content);
    }
  }
  return builder.finish();
}

BuiltLayer index_upper(const std::filesystem::path& upper, const StackView& below, OwnerIds maker) {
  return UpperTree(upper, below, maker).index();
}

}  // namespace slipway
