#include "build_explain.hpp"

#include "print.hpp"
#include "step_explanation.hpp"

#include <cache/build_history.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>

namespace slipway {
namespace {

// Of one step; who wants to read of more has them from the build itself.
constexpr std::size_t most_kept_changes = 100;

// Whether an output of the build goes to standard output.
bool writes_to_stdout(const BuildRequest& request) {
  return std::any_of(request.outputs.begin(), request.outputs.end(), [](const std::string& output) {
    return output == "-" || output.find("dest=-") != output.npos;
  });
}

}  // namespace

ExplainMode parse_explain(const BuildRequest& request) {
  if (request.explain.empty() || request.explain == "false") return ExplainMode::none;
  if (request.explain == "true" || request.explain == "text") return ExplainMode::text;
  if (request.explain != "json")
    throw Error("--explain=" + quoted(request.explain) + " is not known")
        .hint("--explain, or --explain=json");
  if (request.quiet || writes_to_stdout(request))
    throw Error("--explain=json has standard output for itself")
        .hint(request.quiet ? "leave --quiet out; --iidfile FILE has the image's ID"
                            : "give the output a file");
  return ExplainMode::json;
}

void explain_build(ExplainMode mode, const Graph& graph, const VertexReports& reports) {
  if (mode == ExplainMode::none) return;
  const std::string report = cache_report_json(graph, reports);
  if (mode == ExplainMode::json)
    print(report + "\n");
  else
    std::fputs(explain_misses(report).c_str(), stderr);
}

void remember_build(Store& store, std::string_view place, const Graph& graph,
                    const VertexReports& reports) noexcept {
  try {
    store.builds().add(place, cache_report_json(graph, reports, most_kept_changes));
  } catch (const std::exception& problem) {
    std::fputs(("warning: what this build did is not kept for `slipway cache why`: " +
                std::string(problem.what()) + "\n")
                   .c_str(),
               stderr);
  }
}

}  // namespace slipway
