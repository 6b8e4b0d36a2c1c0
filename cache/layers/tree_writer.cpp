#include <cache/layers/tree_writer.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <unordered_map>
#include <utility>

namespace slipway {
namespace {

constexpr int most_links = 40;
constexpr std::size_t piece_size = std::size_t{256} << 10;

void check(int result, std::string_view call, std::string_view path) {
  if (result != 0) throw system_error(call, path, errno);
}

void write_all(int file, std::span<const std::byte> bytes, std::string_view path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw system_error("write", path, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

timespec time_of(const Entry& entry) { return {.tv_sec = entry.mtime, .tv_nsec = 0}; }

// Owner before mode and xattrs, because a change of owner clears set-user-ID and capabilities.
void set_metadata(int file, const Entry& entry) {
  check(::fchown(file, entry.uid, entry.gid), "fchown", entry.path);
  check(::fchmod(file, entry.mode), "fchmod", entry.path);
  for (const auto& [name, value] : entry.xattrs) {
    check(::fsetxattr(file, name.c_str(), value.data(), value.size(), 0), "fsetxattr", entry.path);
  }
}

std::string joined(const std::string& directory, std::string_view name) {
  return directory.empty() ? std::string(name) : directory + "/" + std::string(name);
}

}  // namespace

TreeWriter::TreeWriter(const std::filesystem::path& upper, const StackView& below,
                       const TreeEntries& present)
    : root_(open_root(upper)), below_(below), parents_(root_.get()), buffer_(piece_size) {
  for (const auto& [path, entry] : present) {
    Node& node = insert(entry);
    if (entry.hard_link.empty()) continue;
    const auto file = nodes_.find(entry.hard_link);
    if (file == nodes_.end()) throw Error("hard link without a file: " + quoted(path));
    node.inode = file->second.inode;
  }
}

TreeWriter::Node& TreeWriter::insert(Entry entry) {
  Node& node = nodes_[entry.path];
  node.entry = std::move(entry);
  node.inode = next_inode_++;
  return node;
}

// As overlayfs would show it. Links are not followed.
std::optional<Entry> TreeWriter::look_up(const std::string& path) const {
  if (const auto found = nodes_.find(path); found != nodes_.end()) {
    if (found->second.entry.type == Entry::Type::whiteout) return std::nullopt;
    return found->second.entry;
  }
  for (std::string_view above = path; !above.empty();) {
    above = parent_path(above);
    const auto found = nodes_.find(above);
    if (found == nodes_.end()) continue;
    const Entry& entry = found->second.entry;
    if (entry.type != Entry::Type::directory || entry.opaque) return std::nullopt;
  }
  return below_.find(path);
}

// The link-free path of a directory, existing or not, as a process with this root would walk.
std::string TreeWriter::resolve_directory(const std::string& path) {
  if (resolved_ && asked_ == path) return *resolved_;
  std::string resolved;
  std::string rest = path;
  int links = 0;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string name = rest.substr(0, slash);
    rest.erase(0, slash == std::string::npos ? slash : slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      resolved.resize(parent_path(resolved).size());
      continue;
    }
    const std::string next = joined(resolved, name);
    const std::optional<Entry> entry = look_up(next);
    if (entry && entry->type == Entry::Type::symlink) {
      if (++links > most_links) throw Error("too many links in the path " + quoted(path));
      if (entry->link_target.starts_with('/')) resolved.clear();
      rest = rest.empty() ? entry->link_target : entry->link_target + "/" + rest;
      continue;
    }
    if (entry && entry->type != Entry::Type::directory) {
      throw Error("the archive puts something below " + quoted(next) +
                  ", which is no directory");
    }
    resolved = next;
  }
  asked_ = path;
  resolved_ = resolved;
  return resolved;
}

std::string TreeWriter::place(const std::string& path) {
  if (path.empty()) throw Error("the archive replaces its root");
  const std::string directory = resolve_directory(std::string(parent_path(path)));
  materialise(directory);
  return joined(directory, base_name(path));
}

// Makes a directory and those above it: what is new gets what the layers below give it, so that it
// does not hide their metadata.
void TreeWriter::materialise(const std::string& path) {
  if (path.empty()) return;
  const auto found = nodes_.find(path);
  if (found != nodes_.end() && found->second.entry.type == Entry::Type::directory) return;
  materialise(std::string(parent_path(path)));
  std::optional<Entry> below = look_up(path);
  if (below && below->type == Entry::Type::directory) {
    below->opaque = false;
    below->hard_link.clear();
    make_directory(std::move(*below));
    return;
  }
  Entry implied;
  implied.path = path;
  implied.type = Entry::Type::directory;
  implied.mode = 0755;
  make_directory(std::move(implied));
}

void TreeWriter::make_directory(Entry entry) {
  const std::string path = entry.path;
  if (path.empty()) {
    // The root is there. It keeps its opaque mark.
    const auto root = nodes_.find("");
    entry.opaque = root != nodes_.end() && root->second.entry.opaque;
  } else {
    const auto present = nodes_.find(path);
    const bool was_whiteout = present != nodes_.end() &&
                              present->second.entry.type == Entry::Type::whiteout;
    if (present != nodes_.end() && present->second.entry.type != Entry::Type::directory) {
      remove(path);
    }
    const auto kept = nodes_.find(path);
    if (kept == nodes_.end()) {
      const std::string name(base_name(path));
      const std::string parent(parent_path(path));
      check(::mkdirat(parents_.directory(parent), name.c_str(), 0700), "mkdirat", path);
      touched_.insert(parent);
      // Gone below and here again: only what is in it now is there.
      entry.opaque = was_whiteout;
      if (was_whiteout) {
        make_opaque(insert(entry));
      }
    } else {
      entry.opaque = kept->second.entry.opaque;
    }
  }
  const FileDescriptor directory = open_beneath(root_.get(), path, O_RDONLY | O_DIRECTORY);
  set_metadata(directory.get(), entry);
  touched_.insert(path);
  // Links may lead elsewhere now.
  resolved_.reset();
  insert(std::move(entry));
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
  resolved_.reset();
}

void TreeWriter::add_file(Entry entry, const Content& content) {
  entry.path = place(entry.path);
  remove(entry.path);
  const std::string name(base_name(entry.path));
  const std::string parent(parent_path(entry.path));
  const FileDescriptor file(::openat(parents_.directory(parent), name.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) throw system_error("openat", entry.path, errno);
  touched_.insert(parent);
  Hasher hasher;
  std::uint64_t size = 0;
  while (const std::size_t got = content(buffer_)) {
    const std::span<const std::byte> bytes(buffer_.data(), got);
    size += got;
    if (size > entry.size) break;
    hasher.update(bytes);
    write_all(file.get(), bytes, entry.path);
  }
  if (size != entry.size) {
    throw Error("the archive's " + quoted(entry.path) + " has not the size its header says");
  }
  set_metadata(file.get(), entry);
  const timespec times[2] = {time_of(entry), time_of(entry)};
  check(::futimens(file.get(), times), "futimens", entry.path);
  entry.content = hasher.finish();
  insert(std::move(entry));
}

void TreeWriter::add_other(Entry entry) {
  using Type = Entry::Type;
  if (entry.type == Type::directory) {
    if (!entry.path.empty()) entry.path = place(entry.path);
    return make_directory(std::move(entry));
  }
  entry.path = place(entry.path);
  remove(entry.path);
  const std::string name(base_name(entry.path));
  const std::string parent(parent_path(entry.path));
  const int directory = parents_.directory(parent);
  touched_.insert(parent);
  if (entry.type == Type::symlink) {
    entry.mode = 0777;  // as every link on Linux, whatever the archive says
    check(::symlinkat(entry.link_target.c_str(), directory, name.c_str()), "symlinkat",
          entry.path);
    resolved_.reset();
  } else {
    const mode_t type = entry.type == Type::fifo          ? S_IFIFO
                        : entry.type == Type::char_device ? S_IFCHR
                                                          : S_IFBLK;
    const dev_t device =
        entry.type == Type::fifo ? 0 : makedev(entry.device_major, entry.device_minor);
    check(::mknodat(directory, name.c_str(), type | 0600, device), "mknodat", entry.path);
  }
  check(::fchownat(directory, name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW), "fchownat",
        entry.path);
  // A node we just made in a tree nobody else writes to: it is no link.
  if (entry.type != Type::symlink) {
    check(::fchmodat(directory, name.c_str(), entry.mode, 0), "fchmodat", entry.path);
  }
  const timespec times[2] = {time_of(entry), time_of(entry)};
  check(::utimensat(directory, name.c_str(), times, AT_SYMLINK_NOFOLLOW), "utimensat", entry.path);
  insert(std::move(entry));
}

void TreeWriter::add_hard_link(const std::string& path, const std::string& target) {
  if (target.empty()) throw Error("the archive links " + quoted(path) + " to a directory");
  const std::string from = joined(resolve_directory(std::string(parent_path(target))),
                                  base_name(target));
  const std::string to = place(path);
  if (from == to) return;
  const auto file = nodes_.find(from);
  if (file == nodes_.end() || file->second.entry.type == Entry::Type::directory ||
      file->second.entry.type == Entry::Type::whiteout) {
    throw Error("the archive links " + quoted(path) + " to " + quoted(target) +
                ", which is no file in it");
  }
  const Node node = file->second;
  if (path_within(from, to)) throw Error("the archive links " + quoted(path) + " into itself");
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
  Entry entry = node.entry;
  entry.path = to;
  insert(std::move(entry)).inode = node.inode;
  resolved_.reset();
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
  check(::mknodat(parents_.directory(parent), name.c_str(), S_IFCHR | 0, makedev(0, 0)), "mknodat",
        at);
  touched_.insert(parent);
  Entry entry;
  entry.path = at;
  entry.type = Entry::Type::whiteout;
  insert(std::move(entry));
  resolved_.reset();
}

void TreeWriter::add_opaque(const std::string& directory) {
  const std::string path = resolve_directory(directory);
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
  if (::fsetxattr(directory.get(), "trusted.overlay.opaque", "y", 1, 0) == 0) return;
  // In a user namespace overlayfs is mounted with userxattr and looks for this one.
  if (errno != EPERM ||
      ::fsetxattr(directory.get(), "user.overlay.opaque", "y", 1, 0) != 0) {
    throw system_error("fsetxattr", node.entry.path, errno);
  }
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
    const auto [first, is_first] = files.try_emplace(node.inode, path);
    entry.hard_link = is_first ? std::string() : first->second;
    entries.emplace_hint(entries.end(), path, std::move(entry));
  }
  nodes_.clear();
  return entries;
}

}  // namespace slipway
