// COPY, ADD and WORKDIR: which entries they add, and writing them as a layer.
//
// In two steps, because the first is all that a cache key needs: plan_copy() finds every entry as
// it will be stored; write_copy() makes the layer of it when there was no record.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/index.hpp>
#include <cache/layers/stack.hpp>
#include <cache/layers/store.hpp>
#include <executor/files/source_tree.hpp>
#include <ir/key.hpp>
#include <ir/operation.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

// What a COPY will store. Opaque to all but this folder and the explanation of a miss.
struct CopyPlan {
  struct Item {
    Entry entry;                   // as it will be stored, in path order
    std::size_t input = 0;         // which of the vertex's inputs the bytes come from
    std::string source;            // path in that input; empty: made here, or as it is below
    std::optional<std::string> bytes;  // a heredoc's
  };
  std::vector<Item> items;
  // Archives to unpack over the items, in order: source and where its root goes.
  struct Archive {
    std::size_t input = 0;
    std::string source;
    std::string destination;
    Digest content;
    std::optional<std::pair<std::uint32_t, std::uint32_t>> owner;
    SourceSpan origin;  // the word that names it, for messages
  };
  std::vector<Archive> archives;

  // What of this goes into the cache key, besides the operation: the tree digest of the items and
  // the archives' contents.
  KeyParts key_parts() const;
};

// `inputs` are the vertex's, in order; that of the destination (0) is null, `below` stands for it.
// Throws Error where a source is missing, leads out, or does not fit the destination.
CopyPlan plan_copy(const CopyFiles& operation, const std::vector<const SourceTree*>& inputs,
                   const StackView& below);
CopyPlan plan_directory(const MakeDirectory& operation, const StackView& below);

// Writes the plan's entries below `staging.upper()` and gives the layer. Throws Error naming a
// source that changed since it was planned.
BuiltLayer write_copy(const CopyPlan& plan, const std::vector<const SourceTree*>& inputs,
                      const StackView& below, const Staging& staging);

}  // namespace slipway
