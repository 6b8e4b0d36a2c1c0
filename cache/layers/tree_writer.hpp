// Makes a tree on disk from entries that nobody vouches for.
#pragma once

#include <cache/file_descriptor.hpp>
#include <cache/layers/beneath.hpp>
#include <cache/layers/entry.hpp>
#include <cache/layers/extract.hpp>
#include <cache/layers/stack.hpp>
#include <ir/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Keeps the list of what it wrote, which is also how it resolves links: nobody else writes here, so
// list and disk agree, and the disk is only ever entered by link-free paths beneath the root.
// Not thread-safe.
class TreeWriter {
 public:
  // What reads a file's bytes: fills the front of the buffer, 0 is the end.
  using Content = std::function<std::size_t(std::span<std::byte>)>;

  // Writes below `upper`, which is seen above `below` and holds `present` already.
  TreeWriter(const std::filesystem::path& upper, const StackView& below,
             const TreeEntries& present);

  // Paths are clean but may lead through links; directories above are made where they are missing.
  // What is at the path already is replaced, except that a directory keeps what it holds.
  void add_file(Entry entry, const Content& content);
  // A directory, symlink, device or pipe.
  void add_other(Entry entry);
  // Another name of a file that was added before.
  void add_hard_link(const std::string& path, const std::string& target);
  // What the layers below have at the path is gone; what this tree has stays (image spec,
  // layer.md#whiteouts).
  void add_whiteout(const std::string& path);
  // So is all that they have in the directory.
  void add_opaque(const std::string& directory);
  // A directory at a path free of links, as `below` has it or new.
  void require_directory(const std::string& path) { materialise(path); }

  // Sets the directories' times, which each new name had changed, and gives all that is there.
  TreeEntries finish();

 private:
  struct Node {
    Entry entry;
    std::uint64_t inode = 0;  // the names of one file have the same
  };
  using Nodes = std::map<std::string, Node, PathLess>;

  std::optional<Entry> look_up(const std::string& path) const;
  std::string resolve_directory(const std::string& path);
  std::string place(const std::string& path);  // with its directory resolved and made
  void materialise(const std::string& path);
  void make_directory(Entry entry);
  void remove(const std::string& path);
  void make_opaque(Node& node);
  Node& insert(Entry entry);

  FileDescriptor root_;
  const StackView& below_;
  ParentCache parents_;
  Nodes nodes_;
  std::uint64_t next_inode_ = 1;
  std::set<std::string, PathLess> touched_;  // directories whose times are to be set
  // The last directory asked for and where it is: entries come by directory.
  std::string asked_;
  std::optional<std::string> resolved_;
  std::vector<std::byte> buffer_;
};

}  // namespace slipway
