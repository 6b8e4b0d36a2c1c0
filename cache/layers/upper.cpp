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
#include <cache/layers/beneath.hpp>
#include <cache/layers/stack.hpp>
#include <ir/error.hpp>

#include <fcntl.h>

#include <algorithm>
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
  std::size_t parent = no_parent;         // its place in the list
  bool emitted = false;
  std::pair<dev_t, ino_t> inode{};        // where `linked`
  bool linked = false;                    // a non-directory with several names
};

// Opens each directory by its path, so that one descriptor is open at a time however deep the
// tree.
class UpperWalk {
 public:
  UpperWalk(int root, const StackView& below, OwnerIds maker)
      : root_(root), below_(below), maker_(maker), files_(root) {}

  std::vector<Node> run() {
    const FileDescriptor top = open_beneath(root_, "", O_RDONLY | O_DIRECTORY);
    Node node;
    node.entry = read_directory_entry(top.get(), "").entry;
    node.below = below_.find("");
    const bool opaque = std::exchange(node.entry.opaque, false);
    // A root nobody touched is 0755 0:0, whatever the one below is.
    const bool untouched = node.entry.mode == 0755 && node.entry.uid == 0 &&
                           node.entry.gid == 0 && node.entry.xattrs.empty();
    node.emitted = !untouched && !same_metadata(node.entry, *node.below);
    nodes_.push_back(std::move(node));
    visit(0, opaque, !below_.layers().empty());
    return std::move(nodes_);
  }

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
      const bool child_opaque = std::exchange(node.entry.opaque, false) || opaque;
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
    const FileDescriptor directory = open_beneath(root_, path, O_RDONLY | O_DIRECTORY);
    const std::vector<std::string> names = sorted_names(directory.get());
    std::vector<Found> children;
    children.reserve(names.size());
    for (const std::string& name : names) {
      std::string child = path.empty() ? name : path + "/" + name;
      if (child.size() > longest_path) {
        throw Error("the path " + quoted(child) + " is too long for a layer");
      }
      DiskEntry disk = read_entry(directory.get(), name, child);
      if (disk.socket) continue;  // no tar can hold one
      Found found;
      if (merged) found.node.below = below_.find(child);
      if (!disk.has_owner) find_owner(disk, found.node.below, parent);
      const bool whiteout = disk.entry.type == Entry::Type::whiteout;
      if (whiteout && !found.node.below) continue;
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

  Digest digest_of(const std::string& path) {
    DescriptorSource file(files_.open(path, O_RDONLY | O_NONBLOCK));
    buffer_.resize(std::size_t{256} << 10);
    while (const std::size_t got = file.read(buffer_)) {
      hasher_.update(std::span<const std::byte>(buffer_.data(), got));
    }
    return hasher_.finish();
  }

  int root_;
  const StackView& below_;
  OwnerIds maker_;
  ParentCache files_;
  Hasher hasher_;
  std::vector<std::byte> buffer_;
  std::vector<Node> nodes_;  // in path order
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

}  // namespace

BuiltLayer index_upper(const std::filesystem::path& upper, const StackView& below,
                       OwnerIds maker) {
  const FileDescriptor root = open_root(upper);
  std::vector<Node> nodes = UpperWalk(root.get(), below, maker).run();
  join_links(nodes);
  emit_parents(nodes);

  LayerBuilder builder;
  ParentCache files(root.get());
  for (const Node& node : nodes) {
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

}  // namespace slipway
