#include <executor/solve/solve.hpp>

#include <executor/solve/solver.hpp>

#include <atomic>

namespace slipway {
namespace {

// A flag and not a pointer to the solve: a signal may arrive on any thread, also while the solve
// ends. run() looks at it ten times a second, and at once where the signal came to its thread.
std::atomic<bool> cancelled{false};
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

SolveResult solve(const Graph& graph, const std::vector<VertexId>& roots, Store& store,
                  ProcessRunner& runner, SolveOptions& options, Progress& progress) {
  {
    Solver solver(graph, roots, store, runner, options, progress);
    try {
      return solver.run();
    } catch (const Error&) {
      if (!solver.lost_a_layer()) throw;
    }
  }
  return Solver(graph, roots, store, runner, options, progress, false).run();
}

void cancel_solve() noexcept { cancelled = true; }

bool cancel_requested() noexcept { return cancelled.exchange(false); }

}  // namespace slipway
