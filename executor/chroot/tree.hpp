// A root file system that steps run in one after the other: a copy of a stack of layers, which is
// kept up instead of being made anew.
#pragma once

#include <cache/file_descriptor.hpp>
#include <cache/stat_cache/stat_cache.hpp>
#include <executor/chroot/merged_layers.hpp>

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// Files by what no name can change.
using Inodes = std::set<std::pair<dev_t, ino_t>>;

// For one thread at a time. After an Error only its end is left to it.
class Tree {
 public:
  // `folder` is made, and removed with all it holds at the end. Throws Error.
  explicit Tree(std::filesystem::path folder);
  Tree(const Tree&) = delete;
  ~Tree();

  std::filesystem::path root() const { return folder_ / "root"; }
  // An empty directory on the same file system, for what is taken out of the root for a while.
  std::filesystem::path aside() const { return folder_ / "aside"; }

  // How many layers, from the lowest on, are the same.
  std::size_t shares(const std::vector<std::shared_ptr<const OpenLayer>>& layers) const;

  // From now on the root shows `wanted`: what it has already stays, all else is copied, no file has
  // a name in common with a layer. Returns when any later change will show in a file's times.
  void become(MergedLayers wanted);

  // What lies at `path`, if it is what has always been there, was moved away and back by the caller:
  // its change time says nothing.
  void accept(const std::string& path);

  // Moves what was changed since become() into `upper`, an empty directory, in overlayfs's own
  // format: changed files whole, whiteouts for what is gone. Files of `foreign` are removed, under
  // whatever name. Nothing may be alive in the tree, and it is no longer as it was: become() mends
  // it.
  void collect(const std::filesystem::path& upper, const Inodes& foreign);

 private:
  struct Node : MergedLayers::Node {
    enum class State {
      absent,
      stale,    // a directory that is there, with metadata that may be another
      present,  // as it was when `stamp` was taken
    };
    State state = State::absent;
    FileStamp stamp;
  };

  Node* find(std::string_view path);
  // A directory's times have changed, or more.
  void make_stale(std::string_view path);
  std::vector<std::string> take_over(const MergedLayers& wanted, std::vector<Node>& nodes);
  void make_missing();
  void wait_for_clock(std::int64_t after) const;

  friend class Changes;  // collect()
  std::filesystem::path folder_;
  FileDescriptor root_;  // O_PATH
  MergedLayers merged_;
  std::vector<Node> nodes_;  // of merged_, in path order
};

}  // namespace slipway
