// Two builds of the same graph, one after the other: which steps gave other files the second time.
#pragma once

#include <cache/store.hpp>
#include <executor/compare/files.hpp>
#include <executor/solve/solve.hpp>
#include <ir/graph.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace slipway {

struct StepDifference {
  VertexId step{};
  // Something that it stands on, or takes files from, is not the same: it may be no more than that.
  bool input_differs = false;
  std::vector<FileDifference> files;  // the first of them
  std::size_t count = 0;              // of all
  // Of those whose content differs, by their position in `files`; empty for the others.
  std::vector<std::optional<ContentDifference>> contents;
};

// How many files of one step are looked into and told.
inline constexpr std::size_t most_differing_files = 50;

// Steps in the order of the graph; those that gave the same files are left out. Both results are of
// this graph, and their layers in the store. Throws Error.
std::vector<StepDifference> compare_builds(const Graph& graph, const SolveResult& first,
                                           const SolveResult& second, Store& store,
                                           const CompareTimes& times = {});

// For people: a step and its files, several lines with a line break at the end. Nothing in it that
// a terminal acts on.
std::string difference_text(const Graph& graph, const StepDifference& difference);

}  // namespace slipway
