// What a solve would do, without doing any of it: `slipway build --dry-run`.
//
// The same keys by the same pieces, in one walk over the graph. What stands behind a step that would
// run is not known: that step may give the files it gave before.
#pragma once

#include <cache/store.hpp>
#include <executor/progress.hpp>
#include <executor/solve/solve.hpp>
#include <ir/graph.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace slipway {

struct PlannedStep : Miss {
  enum class Outcome {
    hit,
    miss,
    unknown,  // `reason` says what it waits for
    local,    // nothing to cache
  };
  VertexId vertex{};
  Outcome outcome = Outcome::local;
  std::optional<CacheKey> key;
  // How long it took the last time, nanoseconds; empty: it has no history. Of a hit: what it saves.
  std::optional<std::int64_t> duration;
};

// Of every vertex that is needed, in order of VertexId. Runs no process, writes nothing into the
// store, and drops nothing from it. Remotes are asked whether what is known is still so; nothing is
// downloaded. Throws Error where the build would, as far as that can be told.
std::vector<PlannedStep> plan(const Graph& graph, const std::vector<VertexId>& roots, Store& store,
                              SolveOptions& options);

}  // namespace slipway
