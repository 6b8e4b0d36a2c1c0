// Why a step missed: the one input that changed since the last time.
#pragma once

#include <cache/records.hpp>
#include <executor/files/file_list.hpp>
#include <ir/graph.hpp>
#include <ir/key.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// The label of the key part that holds the tree digest of a COPY's files, and of input `n`; what
// stands in front of the labels of a mount's; that of a secret's digest.
inline constexpr std::string_view files_part = "files";
std::string input_part(std::size_t n);
std::string mount_part(std::string_view target);
std::string secret_part(std::string_view id);

// "COPY src/ ." of "[build 3/5] COPY src/ .".
std::string_view instruction_of(std::string_view name);

struct Miss {
  // One line: "src/main.c: content; src/io.h: new", "input [build 3/5] changed", "command changed".
  std::string reason;
  std::vector<FileChange> changes;  // where files are the reason
  std::size_t change_count = 0;
};

// `before` is the record that this step had the last time, if it had one; `files` are those that it
// depends on now; `is_new` tells of an input's input whether it gave other files than before.
Miss explain_miss(const Graph& graph, VertexId id, const KeyParts& now,
                  const std::vector<RecordedFiles>& files, const std::optional<Record>& before,
                  RecordStore& records, const std::function<bool(VertexId)>& is_new);

}  // namespace slipway
