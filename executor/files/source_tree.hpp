// Where COPY, ADD and bind mounts take files from: a context directory or a stack of layers, seen
// alike.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/stack.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Paths are relative to the tree's root, without a leading '/'. Thread-safe.
class SourceTree {
 public:
  virtual ~SourceTree() = default;

  // The entry at exactly this path; its `content` may be unset until digest() is asked for.
  virtual std::optional<Entry> find(std::string_view path) const = 0;
  // Names in byte order.
  virtual std::vector<std::string> list(std::string_view directory) const = 0;
  // Free of links, never outside the root.
  virtual StackView::Resolved resolve(std::string_view path, bool follow_last) const = 0;
  // The digest of a regular file's content.
  virtual Digest digest(const Entry& entry) const = 0;
  // Opens a regular file beneath the root. The descriptor is the caller's.
  virtual int open(const Entry& entry) const = 0;
  // What messages call it: "build context", "stage build".
  virtual std::string name() const = 0;
};

// `view` outlives the tree.
std::unique_ptr<SourceTree> stack_tree(StackView view, std::string name);

}  // namespace slipway
