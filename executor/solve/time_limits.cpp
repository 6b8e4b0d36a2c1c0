// --timeout and --step-timeout.
#include <executor/solve/solver.hpp>

#include <string>
#include <utility>

namespace slipway {

// Of the thread in run() alone, about ten times a second.
void Solver::check_times() {
  if (stopping()) return;
  if (options_.timeout &&
      std::chrono::steady_clock::now() - options_.began >= options_.timeout->duration) {
    return end_build_in_time();
  }
  if (!options_.step_timeout) return;
  for (const VertexId id : ready_.vertices()) {
    if (!std::holds_alternative<RunProcess>(graph_[id].operation)) continue;
    Step& current = step(id);
    const std::lock_guard lock(current.mutex);
    if (!current.running || current.timed_out ||
        now() - current.work_started < options_.step_timeout->duration.count()) {
      continue;
    }
    current.timed_out = true;
    current.running->kill();
  }
}

Error Solver::took_too_long(const Step& late) const {
  return Error(quoted(graph_[late.id].name) + " took longer than " + options_.step_timeout->flag +
               " and was ended")
      .hint("give it more time, or see what it waits for" +
            (options_.failure_hint.empty() ? std::string() : "; " + options_.failure_hint));
}

void Solver::end_build_in_time() {
  std::string names;
  SourceSpan first;
  for (const VertexId id : events_.unfinished()) {
    if (names.empty()) first = graph_[id].origin;
    names += (names.empty() ? "" : ", ") + quoted(graph_[id].name);
  }
  Error error("the build took longer than " + options_.timeout->flag + " and was ended" +
              (names.empty() ? "" : " in " + names));
  if (first) error.at(first);
  error.hint("what was finished is in the cache: the next build goes on from there");
  add_error(std::move(error));
  cancel_rest();
}

}  // namespace slipway
