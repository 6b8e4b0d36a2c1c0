#include "build_verify.hpp"

#include "signals.hpp"

#include <cache/store.hpp>
#include <executor/compare/builds.hpp>
#include <executor/export/export.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <cstddef>
#include <variant>

namespace slipway {

namespace {

bool has_cache_mount(const Operation& operation) {
  const auto* run = std::get_if<RunProcess>(&operation);
  return run != nullptr &&
         std::any_of(run->mounts.begin(), run->mounts.end(), [](const RunProcess::Mount& mount) {
           return mount.type == RunProcess::Mount::Type::cache;
         });
}

}  // namespace

CompareTimes rewritten_times(const BuildRequest& request, std::optional<std::int64_t> epoch) {
  const bool rewrites =
      std::any_of(request.outputs.begin(), request.outputs.end(),
                  [](const std::string& text) { return parse_export(text).rewrite_timestamp; });
  CompareTimes times;
  if (!rewrites || !epoch) return times;
  times.compare = true;
  times.latest = *epoch;
  return times;
}

std::string verify_reproducible(const Graph& graph, const std::vector<VertexId>& roots,
                                const SolveResult& first, Store& store, ProcessRunner& runner,
                                SolveOptions& options, const CompareTimes& times,
                                Display& display) {
  options.aside = true;
  options.place.clear();
  options.shared = nullptr;
  options.bring_layers = true;
  options.ended = nullptr;
  SolveResult second;
  {
    const CancelOnSignal cancel;
    second = solve(graph, roots, store, runner, options, display);
  }
  const std::vector<StepDifference> differences =
      compare_builds(graph, first, second, store, times);
  const std::size_t steps = first.made.size();
  if (differences.empty()) {
    const bool mounted = std::any_of(first.made.begin(), first.made.end(), [&](const auto& step) {
      return has_cache_mount(graph[step.first].operation);
    });
    return "reproducible: " + std::to_string(steps) + (steps == 1 ? " step" : " steps") +
           " gave the same files twice" + (times.compare ? ", with the same times" : "") +
           (mounted ? " (cache mounts were those of the first build)" : "") + "\n";
  }
  std::string text;
  for (const StepDifference& difference : differences) text += difference_text(graph, difference);
  throw Error("the build is not reproducible: " + std::to_string(differences.size()) + " of " +
              std::to_string(steps) + (steps == 1 ? " step" : " steps") +
              " gave other files the second time")
      .detail(std::move(text))
      .hint(
          "nothing was written but the first build's cache; the first of these steps is where to "
          "begin");
}

}  // namespace slipway
