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
#include <unordered_map>
#include <vector>

namespace slipway {

// The path of a name in a directory, "" the root.
inline std::string join_path(const std::string& directory, std::string_view name) {
  return directory.empty() ? std::string(name) : directory + "/" + std::string(name);
}

// Keeps the list of what it wrote, which is also how it resolves links: nobody else writes here, so
// list and disk agree, and the disk is only ever entered by link-free paths beneath the root.
// Not thread-safe.
class TreeWriter {
 public:
  // What reads a file's bytes: fills the front of the buffer, 0 is the end.
  using Content = std::function<std::size_t(std::span<std::byte>)>;

  struct Options {
    // A directory free of links, made where it is missing: what is added is relative to it, and no
    // link leads out of it, as if it were the root ("" is the root).
    std::string destination = {};
    std::uint64_t most_entries = ExtractLimits{}.entries;  // with the directories that are implied
  };

  // Writes below `upper`, which is seen above `below` and holds `present` already.
  TreeWriter(const std::filesystem::path& upper, const StackView& below, const TreeEntries& present,
             Options options);

  // Paths are clean but may lead through links; directories above are made where they are missing.
  // What is at the path already is replaced, except that a directory keeps what it holds.
  void add_file(Entry entry, const Content& content);
  // A directory, symlink, device or pipe.
  void add_other(Entry entry);
  // Another name of a file that was added before or that lies below, which is then copied up.
  // The file gets this entry's owner, mode and time.
  void add_hard_link(Entry entry);
  // What the layers below have at the path is gone; what this tree has stays (image spec,
  // layer.md#whiteouts).
  void add_whiteout(const std::string& path);
  // So is all that they have in the directory.
  void add_opaque(const std::string& directory);

  // Sets the directories' times, which each new name had changed, and gives all that is there.
  TreeEntries finish();

 private:
  struct Node {
    Entry entry;
    std::uint64_t inode = 0;   // the names of one file have the same
    bool hides_below = false;  // of a directory: nothing the layers below have in it is seen
  };
  using Nodes = std::map<std::string, Node, PathLess>;

  // A path free of links on the way to an entry.
  struct Place {
    std::string path;
    bool hides_below = false;  // nothing that the layers below have in it is seen
  };

  std::optional<Entry> enter(Place& place, std::string_view name) const;
  void jump(Place& place, const std::string& path) const;
  std::optional<Entry> walk(Place& place, const std::string& path) const;
  Place resolve_directory(std::string_view path) const;
  std::string place(const std::string& path);  // with its directory resolved and made
  void materialise(const std::string& path);
  void make_directory(Entry entry, bool hides_below);
  void write_file(Entry& entry, const Content& content);
  const Node& copy_up(Entry entry);
  void set_shared(std::uint64_t inode, const Entry& entry);
  void remove(const std::string& path);
  void make_opaque(Node& node);
  Node& insert(Entry entry);

  FileDescriptor root_;
  const StackView& below_;
  const Options options_;
  ParentCache parents_;
  Nodes nodes_;
  std::uint64_t next_inode_ = 1;
  // What the last of several names said of its file, where it was something new.
  std::unordered_map<std::uint64_t, Entry> shared_;
  std::set<std::string, PathLess> touched_;  // directories whose times are to be set
  Place root_place_;                         // the destination
  std::vector<std::byte> buffer_;
};

}  // namespace slipway
