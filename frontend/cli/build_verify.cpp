#include "build_verify.hpp"

#include "signals.hpp"

#include <cache/store.hpp>
#include <executor/compare/builds.hpp>
#include <executor/export/export.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace slipway {

CompareTimes rewritten_times(const BuildRequest& request, const LowerOptions& options) {
  const bool rewrites =
      std::any_of(request.outputs.begin(), request.outputs.end(),
                  [](const std::string& text) { return parse_export(text).rewrite_timestamp; });
  const auto epoch = options.build_args.find("SOURCE_DATE_EPOCH");
  CompareTimes times;
  if (!rewrites || epoch == options.build_args.end()) return times;
  const std::string& text = epoch->second;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return times;
  times.compare = true;
  times.latest = seconds;
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
    return "reproducible: " + std::to_string(steps) + (steps == 1 ? " step" : " steps") +
           " gave the same files twice" + (times.compare ? ", with the same times" : "") + "\n";
  }
  std::string text;
  for (const StepDifference& difference : differences) text += difference_text(graph, difference);
  throw Error("the build is not reproducible: " + std::to_string(differences.size()) + " of " +
              std::to_string(steps) + (steps == 1 ? " step" : " steps") +
              " gave other files the second time")
      .detail(std::move(text))
      .hint("nothing was written but the first build's cache; the first of these steps is where to "
            "begin");
}

}  // namespace slipway
