// Where COPY, ADD and bind mounts take files from: a context directory or a stack of layers, seen
// alike.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/stack.hpp>
#include <ir/error.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class FileReader;

// Paths are relative to the tree's root, without a leading '/'. Thread-safe.
class SourceTree {
 public:
  virtual ~SourceTree() = default;

  // The entry at exactly this path; a file's `content` may be unset (all zero) until digest() is
  // asked for.
  virtual std::optional<Entry> find(std::string_view path) const = 0;
  // Names in byte order.
  virtual std::vector<std::string> list(std::string_view directory) const = 0;
  // The entries of those names.
  virtual std::vector<Entry> children(std::string_view directory) const;
  // Free of links, never outside the root.
  virtual StackView::Resolved resolve(std::string_view path, bool follow_last) const = 0;
  // The digest of a regular file's content.
  virtual Digest digest(const Entry& entry) const = 0;
  // Those of many, in their order; perhaps on several threads.
  virtual std::vector<Digest> digests(const std::vector<std::string_view>& files) const;
  // Has `reader` read a regular file, and gives the digest of what it read. Throws Error naming the
  // file if it changed since it was found, or while it was read.
  virtual Digest read(const Entry& file, FileReader& reader) const = 0;
  // Opens a regular file beneath the root. The descriptor is the caller's.
  virtual int open(const Entry& entry) const = 0;
  // What messages call it: "build context", "stage build".
  virtual std::string name() const = 0;
  // Why there is nothing at this path though a person may think so ("excluded by .dockerignore");
  // empty: nothing special.
  virtual std::string absence(std::string_view path) const;
};

// Layers, by their indexes. Their directories are opened when a file is.
std::unique_ptr<SourceTree> stack_tree(StackView view, std::string name);

// For a source that is no longer what it was when the copy was planned.
Error changed_since_planned(std::string_view path, const SourceTree& tree);

}  // namespace slipway
