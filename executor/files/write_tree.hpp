// A plan's entries on disk, but for the bytes of files.
#pragma once

#include <cache/layers/beneath.hpp>
#include <cache/layers/entry.hpp>

#include <filesystem>
#include <string>

namespace slipway {

// Writes below one directory that nobody else writes to. Not thread-safe; several may work side by
// side on different entries. Every function throws Error naming the entry's path.
class TreeMaker {
 public:
  explicit TreeMaker(int root) : root_(root), parents_(root) {}  // borrowed

  // Without metadata, which would have it change with every name made inside.
  void make_directory(const Entry& entry);
  void finish_directory(const Entry& entry);
  // Open for reading and writing, and empty.
  FileDescriptor make_file(const Entry& entry);
  void finish_file(int file, const Entry& entry);
  // Another name of `entry.hard_link`.
  void make_link(const Entry& entry);
  // A symlink, a device or a pipe.
  void make_other(const Entry& entry);
  // In overlayfs's form.
  void make_whiteout(const Entry& entry);

 private:
  int parent(const Entry& entry) { return parents_.directory(parent_path(entry.path)); }
  const char* name(const Entry& entry);

  int root_;
  ParentCache parents_;
  std::string name_;
};

}  // namespace slipway
