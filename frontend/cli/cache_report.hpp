// What a build owes to the cache, for people and for programs.
#pragma once

#include <executor/progress.hpp>
#include <ir/graph.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace slipway {

using VertexReports = std::vector<VertexReport>;

// The report that ends every build:
//   cache: 9 hits, 2 misses, 41.2 s saved; 1 step gave the same files, 5 behind it hit
//     miss  [build 3/5] COPY src/ .     src/main.c: content; src/io.h: new
//     old   [build 2/5] RUN apt-get ... 93 days old
std::string cache_report(const Graph& graph, const VertexReports& reports);

// The same as a JSON object, for --metadata-file and for programs: hits, misses, saved_seconds,
// same_files, hits_behind_same_files, steps. Of a step's file changes at most `most_changes`.
std::string cache_report_json(const Graph& graph, const VertexReports& reports,
                              std::size_t most_changes = most_file_changes);

}  // namespace slipway
