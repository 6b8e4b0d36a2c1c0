// The files of a stack of layers as one tree, in path order.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/stack.hpp>

#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>

namespace slipway {

// Which names of a tree are still one file: those of one layer, as in an overlay mount. Where a
// layer above has taken the first name away, or put another file there, the next one is the first.
class MergedLinks {
 public:
  // The view outlives this.
  explicit MergedLinks(const StackView& view) : view_(view) {}

  // For entries as the view has them, in path order: makes hard_link the first name that is left,
  // or empty where that is this one.
  void follow(Entry& entry);

 private:
  const LayerIndex* layer_of(const std::string& path) const;

  const StackView& view_;
  // Of those whose first name is gone: by layer and that name, the one that took its place.
  std::map<std::pair<const LayerIndex*, std::string>, std::string> heads_;
};

// Calls `visit` for every entry that a process with this root would find in `directory`, which is
// free of links ("" is the root); directories before what they hold. No whiteouts, nothing is
// opaque; hard links are as MergedLinks has them.
void walk_merged(const StackView& view, const std::function<void(const Entry&)>& visit,
                 const std::string& directory = {});

// Reads a regular file of the view. `sink` gets exactly `entry.size` bytes, or Error is thrown.
void read_merged(const StackView& view, const Entry& entry,
                 const std::function<void(std::span<const std::byte>)>& sink);

}  // namespace slipway
