// Why a step missed: the one input that changed since the last time.
#pragma once

#include <cache/records.hpp>
#include <executor/progress.hpp>
#include <executor/solve/baseline.hpp>
#include <executor/files/file_list.hpp>
#include <ir/graph.hpp>
#include <ir/key.hpp>
#include <ir/layer.hpp>

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
KeyPart stack_part(std::size_t input, const LayerStack& layers);
std::string mount_part(std::string_view target);
std::string secret_part(std::string_view id);

// "COPY src/ ." of "[build 3/5] COPY src/ .".
std::string_view instruction_of(std::string_view name);
// "[build 3/5]" of it, by which the reader knows the step; without a number all of the name.
std::string step_number(const std::string& name);

// What an image is that a step stands on, to be kept with its record as `input_image_part`'s list:
// the key has the files only. Empty: the step stands on none.
std::string input_image(const Graph& graph, const Vertex& vertex);
inline constexpr std::string_view input_image_part = "input[0].image";

struct MissedStep {
  const Graph& graph;
  VertexId id;
  const CacheKey& key;
  const KeyParts& parts;
  const std::vector<RecordedFiles>& files;  // what it depends on now
  const std::optional<Baseline>& baseline;
  bool expired = false;  // the baseline is this key's own record, and too old
};

// `is_new` tells of an input's input whether it gave other files than before.
Miss explain_miss(const MissedStep& step, RecordStore& records,
                  const std::function<bool(VertexId)>& is_new);

// What differs between two keys, in the order of the second one, what is gone behind it.
std::vector<PartChange> compare_parts(const KeyParts& was, const KeyParts& is);

// "9 days", "1 hour": whole ones of the largest unit.
std::string days_text(std::int64_t seconds);

}  // namespace slipway
