// RUN: start early, be decided, end, become a layer.
#include <cache/layers/upper.hpp>
#include <executor/solve/explain.hpp>
#include <executor/solve/solver.hpp>

#include <ir/key.hpp>

#include <shared_mutex>
#include <utility>

namespace slipway {
namespace {

// What a failed step's message repeats of its output.
constexpr std::size_t most_last_output = 4096;
// A RUN that was never timed is expected to take this long.
constexpr std::int64_t unknown_duration = 5'000'000'000;

std::string command_text(const RunProcess& run) {
  std::string text;
  for (const std::string& argument : run.arguments) text += (text.empty() ? "" : " ") + argument;
  return text;
}

// From the last whole lines of what was kept.
std::string last_lines(const std::string& output) {
  if (output.size() < most_last_output) return output;
  const auto line = output.find('\n');
  return line == std::string::npos ? output : output.substr(line + 1);
}

}  // namespace

void Solver::speculate(VertexId id) {
  Step& current = step(id);
  const auto& run = std::get<RunProcess>(graph_[id].operation);
  // Other inputs would have to be hashed before they can be mounted, and a lock is only worth
  // taking, and a mount fetching, by a step that is known to run.
  if (stopping() || graph_[id].inputs.size() != 1 || !mount_locks(run).empty() ||
      !mounts_to_import(run).empty()) {
    return;
  }
  if (!all_are_here(step(graph_[id].inputs[0]))) return;
  const std::lock_guard lock(current.mutex);
  if (current.process == Step::Process::none && !current.discarded) queue_process(current);
}

void Solver::begin_run(Step& current) {
  const Vertex& vertex = graph_[current.id];
  current.parts = key_parts(vertex.operation);
  current.parts.push_back(stack_part(0, step(vertex.inputs[0]).result.layers));
  std::vector<PlannedFiles> files = add_mount_parts(current);
  add_secret_parts(current);

  decide(current, std::move(files), [this, &current] {
    with_layers(current, [this, &current] {
      const auto& run = std::get<RunProcess>(graph_[current.id].operation);
      if (mounts_to_import(run).empty()) return go_on_with_run(current);
      enqueue_waiting(current.id, [this, &current] {
        import_mounts(current);
        enqueue(current.id, [this, &current] { go_on_with_run(current); });
      });
    });
  });
}

// It is known to run, and what it is shown is here.
void Solver::go_on_with_run(Step& current) {
  current.output.publish(store_.state().own_work() / shared_output_name(current.key->digest));
  bool finish = false;
  {
    const std::lock_guard lock(current.mutex);
    current.decided = true;
    if (current.process == Step::Process::none) queue_process(current);
    finish = current.process == Step::Process::ended && !std::exchange(current.finishing, true);
  }
  if (finish) finish_run(current);
}

std::int64_t Solver::remaining_time(VertexId id) {
  std::call_once(estimated_, [this] {
    std::vector<std::int64_t> estimates(graph_.size(), 0);
    std::size_t runs = 0;
    for (const VertexId other : ready_.vertices()) {
      runs += std::holds_alternative<RunProcess>(graph_[other].operation) ? 1 : 0;
    }
    for (const VertexId other : ready_.vertices()) {
      if (runs < 2 || !std::holds_alternative<RunProcess>(graph_[other].operation)) continue;
      const auto before = store_.records().last_at(place_of(other));
      estimates[index_of(other)] = before ? before->duration : unknown_duration;
    }
    remaining_ = longest_remaining(graph_, ready_, estimates);
  });
  return remaining_[index_of(id)];
}

// With the step's mutex held.
void Solver::queue_process(Step& current) {
  current.process = Step::Process::queued;
  ++outstanding_;
  scheduler_->enqueue_process(remaining_time(current.id), [this, &current] {
    try {
      start_process(current);
      return;
    } catch (Error& error) {
      const std::lock_guard lock(current.mutex);
      current.start_error = std::move(error);
    } catch (const std::exception& error) {
      const std::lock_guard lock(current.mutex);
      current.start_error = Error(error.what());
    }
    process_gone(current);
  });
}

void Solver::start_process(Step& current) {
  std::unique_lock lock(current.mutex);
  if (current.discarded || stopping()) {
    lock.unlock();
    return process_gone(current);
  }
  events_.started(current.id);
  if (current.report.started == 0) current.report.started = now();
  const Vertex& vertex = graph_[current.id];

  RunRequest request;
  request.operation = &std::get<RunProcess>(vertex.operation);
  current.mounts = resolve_mounts(current);
  request.mounts = current.mounts;
  request.room_for_output = [this, &current] { return events_.has_room(current.id); };
  current.staging.emplace(store_.layers().stage());
  request.upper = current.staging->upper();
  request.work = current.staging->work();

  const StepResult& below = step(vertex.inputs[0]).result;
  const std::shared_lock below_stays(below.directories_mutex);
  request.lowers = mountable(below);
  current.work_started = now();
  current.running = runner_.start(
      request,
      [this, &current](OutputStream stream, std::string_view text) {
        // Only the runner's thread touches it until the process has ended.
        current.last_output += text;
        if (current.last_output.size() > 2 * most_last_output) {
          current.last_output.erase(0, current.last_output.size() - most_last_output);
        }
        events_.output(current.id, stream, text);
        current.output.write(stream, text);
      },
      [this, &current](RunResult result) {
        enqueue(current.id, [this, &current, result] { process_ended(current, result); });
      });
  current.process = Step::Process::running;
  // Between the check above and now everything may have been cancelled.
  if (stopping()) current.running->kill();
}

void Solver::process_ended(Step& current, RunResult result) {
  {
    const std::lock_guard lock(current.mutex);
    current.work_ended = now();
    current.running.reset();
    current.exit = result;
  }
  process_gone(current);
}

// With the step's mutex held.
void Solver::forget_mounts(Step& current) {
  current.mounts.clear();
  current.mount_stagings.clear();
  current.directory_locks.clear();
}

// No process of the step is left, or none was ever started.
void Solver::process_gone(Step& current) {
  scheduler_->release_process();
  bool finish = false;
  {
    const std::lock_guard lock(current.mutex);
    current.process = Step::Process::ended;
    const bool failed = current.start_error || (current.exit && current.exit->exit_code != 0);
    // What a failed one was shown may be asked for again.
    if (!failed || current.discarded || stopping()) forget_mounts(current);
    if (current.discarded) current.staging.reset();
    finish = current.decided && !stopping() && !std::exchange(current.finishing, true);
  }
  if (finish) enqueue(current.id, [this, &current] { finish_run(current); });
  done();
}

void Solver::finish_run(Step& current) {
  const Vertex& vertex = graph_[current.id];
  if (current.start_error) {
    keep_failed(current);
    throw *current.start_error;
  }
  if (stopping() || !current.exit) return;
  if (current.exit->failure) throw *current.exit->failure;
  if (current.exit->exit_code != 0) {
    keep_failed(current);
    if (current.timed_out) throw took_too_long(current).detail(last_lines(current.last_output));
    const auto& run = std::get<RunProcess>(vertex.operation);
    Error error(
        "process " + quoted(command_text(run)) +
        " did not complete successfully: exit code: " + std::to_string(current.exit->exit_code) +
        (current.exit->out_of_memory ? " (out of memory)" : ""));
    error.detail(last_lines(current.last_output));
    if (current.exit->out_of_memory) {
      error.hint(
          "the kernel killed a process of this step at the limit of --memory: raise it, or have "
          "the step do less at once");
    } else {
      error.hint(options_.failure_hint);
    }
    throw error;
  }

  UpperTree upper(current.staging->upper(), view_of(vertex.inputs[0]),
                  {current.exit->uid, current.exit->gid});
  upper.clean();
  // From here on dependents may start; the layer's identity is made beside them.
  seal_upper(current);

  const BuiltLayer built = upper.index();
  keep_layer(current, built);
  settle(current);
}

}  // namespace slipway
