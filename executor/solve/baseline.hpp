// What a step is compared with where it misses.
#pragma once

#include <cache/records.hpp>
#include <ir/graph.hpp>
#include <ir/key.hpp>

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Whether the step's execution that the record tells of is longer ago than counts.
bool is_expired(const Vertex& vertex, const Record& record);

struct Baseline {
  Record record;
  bool elsewhere = false;  // of another place: the nearest by operation
};

// Of one solve. Any thread.
class Baselines {
 public:
  // `vertices`: all that the solve needs. `place` names the Dockerfile and target. The records there
  // are now are those that a step can be compared with elsewhere: what this build makes is other
  // steps of its own.
  Baselines(const Graph& graph, std::vector<VertexId> vertices, std::string place,
            RecordStore& records);

  // Names the step's place in the Dockerfile for RecordStore::remember().
  std::string place_of(VertexId id) const;

  // The record that this instruction had the last time, wherever in its stage it stood.
  std::optional<Record> last(VertexId id) const;
  // That; else, of the newest records, one of the same instruction, or of one whose text was but
  // edited: the one with the most equal parts. `in_use`: whether a key is that of another step here.
  std::optional<Baseline> find(VertexId id, const KeyParts& now,
                               const std::function<bool(const CacheKey&)>& in_use);

 private:
  bool is_in_stage(std::string_view instruction, const std::string& stage) const;
  std::optional<Baseline> nearest(VertexId id, const KeyParts& now,
                                  const std::function<bool(const CacheKey&)>& in_use);

  const Graph& graph_;
  const std::vector<VertexId> vertices_;
  const std::string place_;
  RecordStore& records_;
  std::vector<std::uint32_t> ordinals_;  // by vertex: its place within its stage

  std::int64_t newest_ = 0;              // when the solve began
  std::once_flag listed_;
  std::vector<RecordStore::Numbered> list_;  // after listed_
};

}  // namespace slipway
