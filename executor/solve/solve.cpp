#include <executor/solve/solve.hpp>

#include <executor/solve/solver.hpp>

#include <atomic>

namespace slipway {
namespace {

// The solve that a signal handler would end. One at a time in a process of the program's; tests
// that run several do not cancel.
std::atomic<Solver*> running_solve{nullptr};

struct Registered {
  explicit Registered(Solver& solver) { running_solve = &solver; }
  ~Registered() { running_solve = nullptr; }
};

}  // namespace

SolveResult solve(const Graph& graph, VertexId root, Store& store, ProcessRunner& runner,
                  SolveOptions& options, Progress& progress) {
  Solver solver(graph, root, store, runner, options, progress);
  const Registered registered(solver);
  return solver.run();
}

void cancel_solve() noexcept {
  if (Solver* solver = running_solve.load()) solver->interrupt();
}

}  // namespace slipway
