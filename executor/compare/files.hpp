// Two trees of files side by side, from their indexes.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/index.hpp>
#include <cache/layers/stack.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

// What of a path that both have is not the same.
enum class Aspect { type, content, link, hard_link, device, mode, owner, attributes, time };
// "content", as reasons of misses call it.
const char* name_of(Aspect aspect);

struct FileDifference {
  std::string path;
  std::optional<Entry> was;  // empty: the second has it alone
  std::optional<Entry> is;   // empty: the first has it alone
  std::vector<Aspect> aspects;  // where both have it
};

struct CompareTimes {
  bool compare = false;
  // Later times count as this one: what `rewrite-timestamp=true` makes of them.
  std::optional<std::int64_t> latest;
};

// Both are sorted by path, as trees are everywhere.
std::vector<FileDifference> compare_files(const std::vector<Entry>& was,
                                          const std::vector<Entry>& is,
                                          const CompareTimes& times = {});

// All entries of a layer, whiteouts too.
std::vector<Entry> entries_of(const LayerIndex& index);
// All that a process with this root would find.
std::vector<Entry> entries_of(const StackView& view);

// Where two regular files begin to differ.
struct ContentDifference {
  std::uint64_t offset = 0;  // bytes
  // Where both are text up to there: the line, from 1, and what the files have in it, at most a
  // hundred bytes, with nothing in it that a terminal acts on.
  std::uint64_t line = 0;  // 0: one is no text
  std::string was;
  std::string is;
};
// Empty: they do not differ. Throws Error if a file cannot be read.
std::optional<ContentDifference> compare_contents(const StackView& was, const Entry& was_file,
                                                  const StackView& is, const Entry& is_file);

}  // namespace slipway
