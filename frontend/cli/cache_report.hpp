// What a build owes to the cache, for people and for programs.
#pragma once

#include <executor/progress.hpp>
#include <executor/solve/solve.hpp>
#include <ir/graph.hpp>

#include <string>

namespace slipway {

// The report that ends every build:
//   cache: 9 hits, 2 misses, 41.2 s saved
//     miss  [build 3/5] COPY src/ .     src/main.c: content; src/io.h: new
std::string cache_report(const Graph& graph, const SolveResult& result);

// The same as a JSON object, for --metadata-file: hits, misses, saved_seconds, steps.
std::string cache_report_json(const Graph& graph, const SolveResult& result);

}  // namespace slipway
