// How far a solve has got: pending counts and outcomes, and nothing else.
//
// Without TBB, so that its bookkeeping can be tested on plain threads. All functions may be called
// from any thread.
#pragma once

#include <ir/graph.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace slipway {

// Two things are waited for, because a RUN may start on its parent's files before these have been
// hashed: a vertex is *sealed* when its files are complete and *settled* when its layers have
// identities. Settling seals.
class ReadySet {
 public:
  // Counts the vertices that the roots need, themselves included. There is at least one.
  ReadySet(const Graph& graph, const std::vector<VertexId>& roots);
  ReadySet(const Graph& graph, VertexId root) : ReadySet(graph, std::vector{root}) {}

  bool needed(VertexId id) const { return slots_[index_of(id)].needed; }
  // In order of their ids.
  const std::vector<VertexId>& vertices() const { return vertices_; }
  // Those without inputs.
  std::vector<VertexId> sources() const;

  // Each gives the dependents whose last input this was; each dependent is given once by each.
  std::vector<VertexId> sealed(VertexId id);
  std::vector<VertexId> settled(VertexId id);

  // Gives what can never run now: the dependents, and theirs. Each vertex is given once in all.
  std::vector<VertexId> failed(VertexId id);
  bool is_lost(VertexId id) const;

  // The dependents of a vertex among the needed ones.
  const std::vector<VertexId>& dependents(VertexId id) const {
    return slots_[index_of(id)].dependents;
  }

 private:
  struct Slot {
    bool needed = false;
    std::vector<VertexId> dependents;
    // Counted down by the threads that seal and settle the inputs; the thread that reaches zero
    // goes on with the vertex, and sees all that its inputs' threads wrote before.
    std::atomic<std::uint32_t> unsealed{0};
    std::atomic<std::uint32_t> unsettled{0};
    std::atomic<bool> sealed{false};  // settled() must not seal twice
    std::atomic<bool> lost{false};    // an input failed
  };

  std::vector<VertexId> count_down(VertexId id, std::atomic<std::uint32_t> Slot::*count);

  std::vector<Slot> slots_;  // by vertex
  std::vector<VertexId> vertices_;
};

// For each vertex: the time its longest chain of dependents takes, itself included, given each
// one's own estimate. In the estimates' unit.
std::vector<std::int64_t> longest_remaining(const Graph& graph, const ReadySet& ready,
                                            const std::vector<std::int64_t>& estimates);

}  // namespace slipway
