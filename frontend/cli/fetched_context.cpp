#include "fetched_context.hpp"

#include "build_lock.hpp"
#include "build_time.hpp"
#include "signals.hpp"

#include <cache/store.hpp>
#include <executor/sandbox/sandbox.hpp>

namespace slipway {

FetchedContext::FetchedContext(const BuildRequest& request, const Session& session, Store& store,
                               const std::string& place)
    : store_(store),
      mode_(request.quiet ? ProgressMode::quiet : parse_progress_mode(request.progress)) {
  options_.place = "context\n" + place;
  options_.checksum_hint = checksum_hint(request);
  hand_over(session, options_);
  set_time_limits(request, options_);
}

std::unique_ptr<SourceTree> FetchedContext::solve(const Graph& graph, VertexId root,
                                                  const std::string& name) {
  const auto display = make_display(mode_, graph);
  const auto runner = sandbox_runner({});  // nothing of such a graph runs
  try {
    const CancelOnSignal cancel;
    const SolveResult result = slipway::solve(graph, root, store_, *runner, options_, *display);
    display->close();
    sources_ = result.sources;
    return stack_tree(store_.layers().view(result.layers), name);
  } catch (...) {
    display->close();
    throw;
  }
}

}  // namespace slipway
