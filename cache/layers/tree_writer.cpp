#include <cache/layers/make_entry.hpp>
#include <cache/layers/overlay_marks.hpp>
#include <cache/layers/recorded_ids.hpp>
#include <cache/layers/sparse.hpp>
#include <cache/layers/tree_writer.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <unordered_map>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t piece_size = std::size_t{256} << 10;

void check(int result, std::string_view call, std::string_view path) {
  if (result != 0) throw system_error(call, path, errno);
}

timespec time_of(const Entry& entry) {
  return {.tv_sec = entry.mtime, .tv_nsec = 0};
}

}  // namespace

TreeWriter::TreeWriter(const std::filesystem::path& upper, const StackView& below,
                       const TreeEntries& present, Options options)
    : root_(open_root(upper)),
      below_(below),
      options_(std::move(options)),
      parents_(root_.get()),
      buffer_(piece_size) {
  for (const auto& [path, entry] : present) {
    const auto parent = nodes_.find(parent_path(path));
    const bool hidden = !path.empty() && parent != nodes_.end() && parent->second.hides_below;
    Node& node = insert(entry);
    if (entry.type == Entry::Type::directory) {
      node.hides_below = hidden || entry.opaque;
      if (!node.hides_below) {
        const std::optional<Entry> there = below_.find(path);
        node.hides_below = !there || there->type != Entry::Type::directory;
      }
    }
    if (entry.hard_link.empty()) continue;
    const auto file = nodes_.find(entry.hard_link);
    if (file == nodes_.end()) throw Error("hard link without a file: " + quoted(path));
    node.inode = file->second.inode;
  }
  if (const auto root = nodes_.find(""); root != nodes_.end()) {
    root_place_.hides_below = root->second.hides_below;
  }
  materialise(options_.destination);
  walk(root_place_, options_.destination);
}

TreeWriter::Node& TreeWriter::insert(Entry entry) {
  Node& node = nodes_[entry.path];
  if (nodes_.size() > options_.most_entries) {
    throw Error("the archive makes more than " + std::to_string(options_.most_entries) +
                " files and directories")
        .hint("directories that its names imply count as well");
  }
  node.entry = std::move(entry);
  node.inode = next_inode_++;
  return node;
}

// `hides_below`: nothing is below, or nothing of it is seen.
void TreeWriter::make_directory(Entry entry, bool hides_below) {
  const std::string path = entry.path;
  if (path.empty()) {
    // The root is there. It keeps its opaque mark.
    const auto root = nodes_.find("");
    entry.opaque = root != nodes_.end() && root->second.entry.opaque;
  } else if (const auto present = nodes_.find(path);
             present != nodes_.end() && present->second.entry.type == Entry::Type::directory) {
    entry.opaque = present->second.entry.opaque;
    hides_below = present->second.hides_below;
  } else {
    // Gone and here again: only what is in it now is there. (What an image's layer has twice says
    // nothing of the layers below.)
    if (present != nodes_.end()) {
      entry.opaque = present->second.entry.type == Entry::Type::whiteout;
      if (const std::optional<Entry> below = below_.find(path)) {
        entry.opaque = entry.opaque || below->type == Entry::Type::directory;
      }
      remove(path);
    }
    const std::string name(base_name(path));
    const std::string parent(parent_path(path));
    check(::mkdirat(parents_.directory(parent), name.c_str(), 0700), "mkdirat", path);
    touched_.insert(parent);
    if (entry.opaque) make_opaque(insert(entry));
  }
  const FileDescriptor directory = open_beneath(root_.get(), path, O_RDONLY | O_DIRECTORY);
  set_metadata(directory.get(), entry);
  touched_.insert(path);
  const bool hides = hides_below || entry.opaque;
  insert(std::move(entry)).hides_below = hides;
}

void TreeWriter::remove(const std::string& path) {
  const auto found = nodes_.find(path);
  if (found == nodes_.end()) return;
  const auto unlink = [this](const Entry& entry) {
    const std::string name(base_name(entry.path));
    const std::string parent(parent_path(entry.path));
    const int flags = entry.type == Entry::Type::directory ? AT_REMOVEDIR : 0;
    check(::unlinkat(parents_.directory(parent), name.c_str(), flags), "unlinkat", entry.path);
    touched_.erase(entry.path);
    touched_.insert(parent);
  };
  auto end = found;
  while (end != nodes_.end() && path_within(end->first, path)) ++end;
  // Backwards: what a directory holds comes after it.
  for (auto each = std::make_reverse_iterator(end); each != std::make_reverse_iterator(found);
       ++each) {
    unlink(each->second.entry);
  }
  nodes_.erase(found, end);
  parents_.forget();
}

void TreeWriter::add_file(Entry entry, const Content& content) {
  entry.path = place(entry.path);
  remove(entry.path);
  write_file(entry, content);
  insert(std::move(entry));
}

void TreeWriter::write_file(Entry& entry, const Content& content) {
  const std::string name(base_name(entry.path));
  const std::string parent(parent_path(entry.path));
  const FileDescriptor file(::openat(parents_.directory(parent), name.c_str(),
                                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) throw system_error("openat", entry.path, errno);
  touched_.insert(parent);
  Hasher hasher;
  std::uint64_t size = 0;
  bool hole = false;
  while (const std::size_t got = content(buffer_)) {
    const std::span<const std::byte> bytes(buffer_.data(), got);
    size += got;
    if (size > entry.size) break;
    hasher.update(bytes);
    hole = write_sparse(file.get(), bytes, entry.path);
  }
  if (size != entry.size) {
    throw Error("the archive's " + quoted(entry.path) + " has not the size its header says");
  }
  if (hole) {
    check(::ftruncate(file.get(), static_cast<off_t>(entry.size)), "ftruncate", entry.path);
  }
  set_metadata(file.get(), entry);
  const timespec times[2] = {time_of(entry), time_of(entry)};
  check(::futimens(file.get(), times), "futimens", entry.path);
  entry.content = hasher.finish();
}

void TreeWriter::add_other(Entry entry) {
  using Type = Entry::Type;
  if (entry.type == Type::directory) {
    bool hides_below = false;
    if (!entry.path.empty()) {
      entry.path = place(entry.path);
      Place there;
      jump(there, entry.path);
      if (const auto parent = nodes_.find(there.path); parent != nodes_.end()) {
        there.hides_below = there.hides_below || parent->second.hides_below;
      }
      if (there.path != entry.path) enter(there, base_name(entry.path));
      hides_below = there.hides_below;
    }
    return make_directory(std::move(entry), hides_below);
  }
  entry.path = place(entry.path);
  remove(entry.path);
  const std::string name(base_name(entry.path));
  const std::string parent(parent_path(entry.path));
  const int directory = parents_.directory(parent);
  touched_.insert(parent);
  const bool symlink = entry.type == Type::symlink;
  if (symlink) entry.mode = 0777;  // as every link on Linux, whatever the archive says
  check(make_layer_node(directory, name.c_str(), entry), symlink ? "symlinkat" : "mknodat",
        entry.path);
  if (give_owner(directory, name.c_str(), entry.uid, entry.gid) != 0)
    throw owner_error(entry.path, entry.uid, entry.gid, errno);
  // A node we just made in a tree nobody else writes to: it is no link.
  if (!symlink) check(::fchmodat(directory, name.c_str(), entry.mode, 0), "fchmodat", entry.path);
  const timespec times[2] = {time_of(entry), time_of(entry)};
  check(::utimensat(directory, name.c_str(), times, AT_SYMLINK_NOFOLLOW), "utimensat", entry.path);
  insert(std::move(entry));
}

void TreeWriter::add_hard_link(Entry entry) {
  const std::string target = std::move(entry.hard_link);
  entry.hard_link.clear();
  if (target.empty()) throw Error("the archive links " + quoted(entry.path) + " to a directory");
  Place there = resolve_directory(parent_path(target));
  const std::string from = join_path(there.path, base_name(target));
  const auto no_file = [&] {
    return Error("the archive links " + quoted(entry.path) + " to " + quoted(target) +
                 ", which is no file there");
  };
  auto file = nodes_.find(from);
  std::optional<Entry> below;
  if (file == nodes_.end()) {
    below = enter(there, base_name(target));
    if (!below || below->type == Entry::Type::directory) throw no_file();
  } else if (file->second.entry.type == Entry::Type::directory ||
             file->second.entry.type == Entry::Type::whiteout) {
    throw no_file();
  }
  const std::string to = place(entry.path);
  if (path_within(from, to) && from != to) {
    throw Error("the archive links " + quoted(entry.path) + " into itself");
  }
  const Node node = below ? copy_up(std::move(*below)) : file->second;
  if (from != to) {
    remove(to);
    const std::string from_name(base_name(from));
    const std::string to_name(base_name(to));
    // Two directories at once, so not both from the cache.
    const FileDescriptor source =
        open_beneath(root_.get(), parent_path(from), O_PATH | O_DIRECTORY);
    check(::linkat(source.get(), from_name.c_str(), parents_.directory(parent_path(to)),
                   to_name.c_str(), 0),
          "linkat", to);
    touched_.insert(std::string(parent_path(to)));
    Entry made = node.entry;
    made.path = to;
    insert(std::move(made)).inode = node.inode;
  }
  entry.path = to;
  set_shared(node.inode, entry);
}

// A file of the layers below, as overlayfs does when it gets another name.
const TreeWriter::Node& TreeWriter::copy_up(Entry entry) {
  const std::string path = entry.path;
  entry.hard_link.clear();
  materialise(std::string(parent_path(path)));
  if (entry.type == Entry::Type::file) {
    DescriptorSource bytes(FileDescriptor(below_.open(entry)));
    write_file(entry, [&bytes](std::span<std::byte> buffer) { return bytes.read(buffer); });
    insert(std::move(entry));
  } else {
    // The path is free of links, but add_other() takes one that starts at the destination.
    const std::string& root = options_.destination;
    entry.path = root.empty() ? path : path.substr(root.size() + 1);
    add_other(std::move(entry));
  }
  return nodes_.at(path);
}

// As docker does it, the last of a file's names says whose it is; links have no mode.
void TreeWriter::set_shared(std::uint64_t inode, const Entry& entry) {
  Entry& node = nodes_.at(entry.path).entry;
  const auto known = shared_.find(inode);
  const Entry& now = known != shared_.end() ? known->second : node;
  const bool link = node.type == Entry::Type::symlink;
  if (now.uid == entry.uid && now.gid == entry.gid &&
      (link || (now.mode == entry.mode && now.mtime == entry.mtime))) {
    return;
  }
  Entry changed = now;
  changed.path = entry.path;
  changed.uid = entry.uid;
  changed.gid = entry.gid;
  if (!link) {
    changed.mode = entry.mode;
    changed.mtime = entry.mtime;
  }
  const std::string name(base_name(entry.path));
  const int directory = parents_.directory(parent_path(entry.path));
  if (give_owner(directory, name.c_str(), entry.uid, entry.gid) != 0)
    throw owner_error(entry.path, entry.uid, entry.gid, errno);
  if (!link) {
    check(::fchmodat(directory, name.c_str(), entry.mode, 0), "fchmodat", entry.path);
    if (node.type == Entry::Type::file && !node.xattrs.empty()) {
      const FileDescriptor file = open_beneath(root_.get(), entry.path, O_RDONLY | O_NONBLOCK);
      set_metadata(file.get(), changed);
    }
    const timespec times[2] = {time_of(changed), time_of(changed)};
    check(::utimensat(directory, name.c_str(), times, AT_SYMLINK_NOFOLLOW), "utimensat",
          entry.path);
  }
  shared_.insert_or_assign(inode, std::move(changed));
}

void TreeWriter::add_whiteout(const std::string& path) {
  const std::string at = place(path);
  if (const auto found = nodes_.find(at); found != nodes_.end()) {
    // This layer's own stays; of a directory, only what this layer has in it.
    if (found->second.entry.type == Entry::Type::directory) make_opaque(found->second);
    return;
  }
  const std::string name(base_name(at));
  const std::string parent(parent_path(at));
  check(make_whiteout(parents_.directory(parent), name.c_str()), "mknodat", at);
  touched_.insert(parent);
  Entry entry;
  entry.path = at;
  entry.type = Entry::Type::whiteout;
  insert(std::move(entry));
}

void TreeWriter::add_opaque(const std::string& directory) {
  const std::string path = resolve_directory(directory).path;
  materialise(path);
  const auto found = nodes_.find(path);
  if (found != nodes_.end()) return make_opaque(found->second);
  Entry root;  // no entry of its own came so far
  root.type = Entry::Type::directory;
  root.mode = 0755;
  make_opaque(insert(std::move(root)));
}

void TreeWriter::make_opaque(Node& node) {
  node.entry.opaque = true;
  const FileDescriptor directory =
      open_beneath(root_.get(), node.entry.path, O_RDONLY | O_DIRECTORY);
  if (::fsetxattr(directory.get(), opaque_mark(), "y", 1, 0) != 0)
    throw system_error("fsetxattr", node.entry.path, errno);
}

TreeEntries TreeWriter::finish() {
  for (auto path = touched_.rbegin(); path != touched_.rend(); ++path) {
    const auto node = nodes_.find(*path);
    if (node == nodes_.end()) continue;  // the root without an entry
    const FileDescriptor directory = open_beneath(root_.get(), *path, O_RDONLY | O_DIRECTORY);
    const timespec times[2] = {time_of(node->second.entry), time_of(node->second.entry)};
    check(::futimens(directory.get(), times), "futimens", *path);
  }
  TreeEntries entries;
  std::unordered_map<std::uint64_t, std::string> files;  // by inode: its first name
  for (auto& [path, node] : nodes_) {
    Entry entry = std::move(node.entry);
    if (const auto shared = shared_.find(node.inode); shared != shared_.end()) {
      entry.uid = shared->second.uid;
      entry.gid = shared->second.gid;
      entry.mode = shared->second.mode;
      entry.mtime = shared->second.mtime;
    }
    const auto [first, is_first] = files.try_emplace(node.inode, path);
    entry.hard_link = is_first ? std::string() : first->second;
    entries.emplace_hint(entries.end(), path, std::move(entry));
  }
  nodes_.clear();
  return entries;
}

}  // namespace slipway
