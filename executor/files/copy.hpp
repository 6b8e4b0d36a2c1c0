// COPY, ADD and WORKDIR: which entries they add, and writing them as a layer.
//
// In two steps, because the first is all that a cache key needs: plan_copy() finds every entry as
// it will be stored; CopyWriter makes the layer of it when there was no record, or before that is
// known where there can hardly be one.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/extract.hpp>
#include <cache/layers/index.hpp>
#include <cache/layers/stack.hpp>
#include <cache/layers/store.hpp>
#include <executor/files/file_work.hpp>
#include <executor/files/plan_items.hpp>
#include <executor/files/source_tree.hpp>
#include <ir/key.hpp>
#include <ir/operation.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

// What a COPY will store. Opaque to all but this folder and the explanation of a miss.
struct CopyPlan {
  PlanItems items;
  // Archives to unpack, in order: source and where its root goes.
  struct Archive {
    std::size_t input = 0;
    std::string source;
    std::string destination;
    Digest content;
    std::optional<std::pair<std::uint32_t, std::uint32_t>> owner;
    SourceSpan origin;  // the word that names it, for messages
  };
  std::vector<Archive> archives;
  // Items of sources that came after an archive: they are what counts where it holds the same name.
  // Path, and behind how many archives.
  std::map<std::string, std::size_t, PathLess> behind_archives;

  // What of this goes into the cache key, besides the operation: the tree digest of the items and
  // the archives' contents.
  KeyParts key_parts() const;
};

// Whether a plan needs the digest of every file that is copied.
enum class Contents {
  hashed,  // yes: files that neither stat cache nor index knows are read
  known,   // only what is known already; hash_contents() or CopyWriter finds the others
};

// `inputs` are the vertex's, in order; that of the destination (0) is null, `below` stands for it.
// Throws Error where a source is missing, leads out, or does not fit the destination.
CopyPlan plan_copy(const CopyFiles& operation, const std::vector<const SourceTree*>& inputs,
                   const StackView& below, Contents contents = Contents::hashed);
CopyPlan plan_directory(const MakeDirectory& operation, const StackView& below);

// Reads the files whose content the plan does not know, on several threads.
void hash_contents(CopyPlan& plan, const std::vector<const SourceTree*>& inputs);
// How much that is, beside all that would be copied.
struct UnknownContents {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::size_t all_files = 0;
  std::uint64_t all_bytes = 0;
};
UnknownContents unknown_contents(const CopyPlan& plan);

// Makes the layer of a plan, in one pass over the sources: several threads copy and hash, and one
// behind them builds the layer, its tar's digest included, out of what they have just written.
// So a plan whose contents are not known can be written first and have its key afterwards.
class CopyWriter {
 public:
  // Writes below `staging.upper()`. All are borrowed, and stay where they are. `work`: counts what
  // is copied and may stop it, which ends write() with an Error; null: nobody asks.
  CopyWriter(CopyPlan& plan, const std::vector<const SourceTree*>& inputs, const StackView& below,
             const Staging& staging, FileWork* work = nullptr);
  // Ends what is under way; what it wrote is the staging's.
  ~CopyWriter();
  CopyWriter(const CopyWriter&) = delete;

  // Puts all files in place; the plan then knows every content. Throws Error naming a source that
  // changed since it was planned, or while it was read.
  void write();
  // Unpacks the plan's archives among them; after that the tree is complete.
  void complete();
  // Waits for the layer. Once, after complete().
  BuiltLayer layer();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// All of that at once.
BuiltLayer write_copy(CopyPlan plan, const std::vector<const SourceTree*>& inputs,
                      const StackView& below, const Staging& staging);

}  // namespace slipway
