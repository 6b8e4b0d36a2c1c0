// Paths in a step's root file system before the step runs: whatever the image's links say, none
// of them leads out, and what has to be made for a mount is remembered so that it can be unmade.
#pragma once

#include <cache/file_descriptor.hpp>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// A file or directory that exists for a mount only. Refers to it by itself and not by a name, which
// the step may have changed.
struct Stub {
  FileDescriptor file;  // O_PATH
  bool directory = false;
};

// Removes what still is an empty file or directory, deepest first. Call it when no process of the
// step is left.
void remove_stubs(std::vector<Stub> stubs) noexcept;

// The root with the mounts that will be in it. For one thread; nothing else may change the root
// meanwhile.
class RootTree {
 public:
  enum class Kind { directory, file };

  struct Place {
    FileDescriptor place;  // O_PATH, without a link as last component
    std::string path;      // where that is, "etc/hosts": resolved, relative to the root
    // Not -1: the place is in what this action mounts, and has to be found there as `inside`.
    int action = -1;
    std::string inside;
  };

  // `root`: a detached mount; `upper`: where what is made in it turns up.
  RootTree(const FileDescriptor& root, const std::filesystem::path& upper);

  // The place for a mount at `path`, made if missing. Throws Error where it is of another kind, or
  // where a mount of the kernel's (/proc) or of a device is in the way.
  Place place_for(std::string_view path, Kind kind);
  // The same for the kernel's own directories in the root: a link there is refused, not followed.
  Place place_for_kernel(const std::string& name);
  // The directory `path` is made if missing, to stay. What lies in a mount of the kernel's is not
  // looked at.
  void make_directory(std::string_view path);

  // From now on paths below place.path are those of the mount `root`, which outlives this. `made`
  // is the directory in which new files of the mount turn up, where they must not stay. `action`
  // is not -1 where `root` is not the mount itself, but what init clones it from in that action.
  void add_mount(const Place& place, int root, std::optional<FileDescriptor> made, int action = -1);
  // The same for a mount into which nobody can look yet, or in which nothing may be made.
  void add_foreign_mount(const Place& place) { mounts_.push_back({place.path, -1, {}, -1}); }

  // The text of a regular file, at most `limit` bytes. Nothing where there is no regular file.
  // Throws Error where it is larger.
  std::optional<std::string> read(std::string_view path, std::size_t limit) const;

  std::vector<Stub> take_stubs() { return std::move(stubs_); }

 private:
  struct Mounted {
    std::string path;
    int root;  // -1: the kernel's
    std::optional<FileDescriptor> made;
    int action = -1;
  };
  // A path as its innermost mount has it.
  struct Inside {
    const Mounted* mount;
    std::string path;  // relative to the mount's root; "." for that itself
  };

  Inside locate(const std::string& resolved) const;
  // The place `path` leads to; nothing where a mount of the kernel's is in the way.
  std::optional<Place> walk(std::string_view path, Kind kind, bool to_stay);
  void make(const Inside& inside, Kind kind, bool to_stay);

  std::vector<Mounted> mounts_;  // the root first
  std::vector<Stub> stubs_;
};

}  // namespace slipway
