// Why a step missed: the one input that changed since the last time.
#pragma once

#include <cache/layers/store.hpp>
#include <cache/records.hpp>
#include <executor/files/copy.hpp>
#include <ir/graph.hpp>
#include <ir/key.hpp>

#include <optional>
#include <string>

namespace slipway {

// The label of the key part that holds the tree digest of a COPY's files, and of input `n`.
inline constexpr std::string_view files_part = "files";
std::string input_part(std::size_t n);

// One line: "src/main.c: content; src/io.h: new", "input [build 3/5] changed", "command changed".
// `before` is the record that this step had the last time, if it had one; `plan` a COPY's files.
std::string explain_miss(const Graph& graph, VertexId id, const KeyParts& now,
                         const std::optional<Record>& before, const CopyPlan* plan,
                         const LayerStore& layers);

}  // namespace slipway
