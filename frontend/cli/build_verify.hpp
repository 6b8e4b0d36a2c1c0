// --verify-reproducible: the same once more, and what is not the same.
#pragma once

#include "build_request.hpp"
#include "display.hpp"

#include <executor/compare/files.hpp>
#include <executor/solve/solve.hpp>
#include <ir/graph.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

class Store;

// Times count where an output is asked to rewrite them, and only as far as it leaves them: up to
// `epoch`, the build's SOURCE_DATE_EPOCH. Without one it leaves them all.
CompareTimes rewritten_times(const BuildRequest& request, std::optional<std::int64_t> epoch);

// Builds the graph again, aside (SolveOptions::aside); `options` are those of the first build,
// which has ended, and are of no use afterwards. Gives a line that says that all is the same.
// Throws Error with the steps that gave other files, and what is not the same in those.
std::string verify_reproducible(const Graph& graph, const std::vector<VertexId>& roots,
                                const SolveResult& first, Store& store, ProcessRunner& runner,
                                SolveOptions& options, const CompareTimes& times, Display& display);

}  // namespace slipway
