#include <executor/chroot/placements.hpp>

#include <cache/layers/beneath.hpp>
#include <cache/layers/make_entry.hpp>
#include <cache/remove_tree.hpp>
#include <executor/chroot/copy_node.hpp>
#include <executor/chroot/copy_tree.hpp>
#include <executor/ssh/agent_forward.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

// Of a descriptor that nobody else can close or move meanwhile.
fs::path self_path(int directory, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(directory) + "/" + name;
}

// Where the file is by now; empty where it has no name any more.
fs::path path_of(const FileDescriptor& file) {
  std::array<char, PATH_MAX> text{};
  const std::string self = "/proc/self/fd/" + std::to_string(file.get());
  const ssize_t size = ::readlink(self.c_str(), text.data(), text.size());
  if (size <= 0) return {};
  const fs::path path(std::string(text.data(), static_cast<std::size_t>(size)));
  struct stat known {};
  struct stat found {};
  // A name that is gone is shown with " (deleted)" behind it.
  const bool there = ::fstat(file.get(), &known) == 0 && ::lstat(path.c_str(), &found) == 0 &&
                     known.st_dev == found.st_dev && known.st_ino == found.st_ino;
  return there ? path : fs::path();
}

bool exists(int directory, const std::string& name) {
  struct stat status {};
  return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

void require_removed(const fs::path& path) {
  if (const std::error_code failed = remove_tree(path); failed)
    throw system_error("unlinkat", path.native(), failed.value());
}

// A directory that somebody made anew meanwhile gives way to the one that was used here.
void move_back(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
  if (errno != EEXIST ||
      ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) != 0)
    throw system_error("renameat2", to.native(), errno);
  require_removed(from);
}

}  // namespace

Placements::Placements(Tree& tree)
    : tree_(tree),
      root_(slipway::open_root(tree.root())),
      aside_(slipway::open_root(tree.aside())),
      root_tree_(root_, tree.root()) {}

FileDescriptor Placements::open_root() const {
  return slipway::open_root(tree_.root());
}

Placements::Placed& Placements::clear(const RootTree::Place& place) {
  Placed placed;
  placed.parent = open_beneath(root_.get(), parent_path(place.path), O_PATH | O_DIRECTORY);
  placed.name = base_name(place.path);
  placed.path = place.path;
  placed.aside = std::to_string(placed_.size());
  if (::renameat(placed.parent.get(), placed.name.c_str(), aside_.get(), placed.aside.c_str()) != 0)
    throw system_error("renameat", place.path, errno);
  placed_.push_back(std::move(placed));
  return placed_.back();
}

void Placements::hold(Placed& placed) {
  placed.object = FileDescriptor(
      ::openat(placed.parent.get(), placed.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!placed.object) throw system_error("openat", placed.path, errno);
}

int Placements::directory(const RootTree::Place& place, mode_t mode) {
  Placed& placed = clear(place);
  // Twice, because the builder's umask takes its part of the first.
  if (::mkdirat(placed.parent.get(), placed.name.c_str(), mode) != 0 ||
      ::fchmodat(placed.parent.get(), placed.name.c_str(), mode, 0) != 0)
    throw system_error("mkdirat", placed.path, errno);
  hold(placed);
  return placed.object.get();
}

void Placements::file(const RootTree::Place& place, std::string_view content, mode_t mode,
                      uid_t uid, gid_t gid) {
  Placed& placed = clear(place);
  const FileDescriptor file(::openat(placed.parent.get(), placed.name.c_str(),
                                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) throw system_error("openat", placed.path, errno);
  hold(placed);
  write_all(file.get(), content, placed.path);
  if (::fchown(file.get(), uid, gid) != 0) throw system_error("fchown", placed.path, errno);
  if (::fchmod(file.get(), mode) != 0) throw system_error("fchmod", placed.path, errno);
}

FileDescriptor Placements::socket(const RootTree::Place& place, mode_t mode, uid_t uid, gid_t gid) {
  Placed& placed = clear(place);
  FileDescriptor listener = listen_at(placed.parent.get(), placed.name.c_str());
  hold(placed);
  if (::fchownat(placed.parent.get(), placed.name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
    throw system_error("fchownat", placed.path, errno);
  if (::fchmodat(placed.parent.get(), placed.name.c_str(), mode, 0) != 0)
    throw system_error("fchmodat", placed.path, errno);
  return listener;
}

void Placements::lend(const RootTree::Place& place, const FileDescriptor& kept) {
  const fs::path home = path_of(kept);
  if (home.empty()) throw Error("a cache mount's directory is gone");
  Placed& placed = clear(place);
  if (::renameat(AT_FDCWD, home.c_str(), placed.parent.get(), placed.name.c_str()) != 0)
    throw system_error("renameat", home.native(), errno);
  placed.kept = home;
  hold(placed);
}

void Placements::copy(const RootTree::Place& place, const MergedLayers& layers,
                      const std::string& source) {
  const MergedLayers::Node* const node = layers.find(source);
  Placed& placed = clear(place);
  if (node != nullptr && node->type != Entry::Type::directory) {
    const FileDescriptor from = open_beneath(layers.layers[node->layer]->directory(),
                                             parent_path(source), O_PATH | O_DIRECTORY);
    copy_node(from.get(), std::string(base_name(source)), layers.entry_of(*node),
              placed.parent.get(), placed.name);
    return hold(placed);
  }
  if (::mkdirat(placed.parent.get(), placed.name.c_str(), 0755) != 0)
    throw system_error("mkdirat", placed.path, errno);
  hold(placed);
  copy_tree(layers, source,
            open_beneath(placed.parent.get(), placed.name, O_RDONLY | O_DIRECTORY).get());
}

void Placements::give_back(const Placed& placed, int directory, const std::string& name) {
  if (::renameat(aside_.get(), placed.aside.c_str(), directory, name.c_str()) == 0) {
    tree_.accept(placed.path);
    return;
  }
  // The step has removed the directory that it was in, and with that the file.
  if (errno != ENOENT) throw system_error("renameat", placed.path, errno);
  require_removed(self_path(aside_.get(), placed.aside));
}

void Placements::take_out(Placed& placed, Inodes& left) {
  if (const fs::path now = placed.object ? path_of(placed.object) : fs::path(); !now.empty()) {
    if (placed.kept) {
      move_back(now, *placed.kept);
      placed.kept.reset();
    } else {
      require_removed(now);
    }
  }
  struct stat status {};
  if (placed.object && ::fstat(placed.object.get(), &status) == 0 && !S_ISDIR(status.st_mode) &&
      status.st_nlink > 0)
    left.insert({status.st_dev, status.st_ino});
  // What is at the place now the step has put there, where a mount would have been.
  if (exists(placed.parent.get(), placed.name)) {
    const fs::path there = self_path(placed.parent.get(), placed.name);
    if (placed.kept && fs::is_directory(fs::symlink_status(there))) {
      move_back(there, *placed.kept);
    } else {
      require_removed(there);
    }
  }
  give_back(placed, placed.parent.get(), placed.name);
}

Inodes Placements::undo() {
  Inodes left;
  std::optional<Error> failure;
  for (auto placed = placed_.rbegin(); placed != placed_.rend(); ++placed) {
    try {
      take_out(*placed, left);
    } catch (Error& error) {
      if (!failure) failure = std::move(error);
    }
  }
  remove_stubs(root_tree_.take_stubs());
  if (failure) throw *failure;
  return left;
}

}  // namespace slipway
