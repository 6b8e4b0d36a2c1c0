#include <executor/solve/solver.hpp>

#include <exception>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace slipway {

Solver::Solver(const Graph& graph, const std::vector<VertexId>& roots, Store& store, ProcessRunner& runner,
               SolveOptions& options, Progress& progress, bool reads_shared)
    : graph_(graph),
      roots_(roots),
      store_(store),
      runner_(runner),
      options_(options),
      reads_shared_(reads_shared && options.shared != nullptr && options.shared->reads()),
      progress_(progress),
      began_(std::chrono::steady_clock::now()),
      ready_(graph, roots),
      baselines_(graph, ready_.vertices(), options.place, store.records()),
      steps_(graph.size()),
      git_(store.state(), options.secret, git_agent(options.ssh_agents)),
      scheduler_(std::in_place, options.max_parallelism) {
  for (const VertexId id : ready_.vertices()) {
    auto step = std::make_unique<Step>();
    step->id = id;
    step->report.vertex = id;
    steps_[index_of(id)] = std::move(step);
  }
}

Solver::~Solver() {
  for (std::thread& thread : beside_) thread.join();
}

std::int64_t Solver::now() const {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now() - began_).count();
}

SolveResult Solver::run() {
  if (!options_.place.empty()) store_.failed_steps().forget(options_.place);
  // One piece of its own, so that the count cannot reach zero before all sources are under way.
  outstanding_ = 1;
  for (const VertexId id : ready_.sources()) enqueue(id, [this, id] { begin(id); });
  done();

  std::exception_ptr display_failed;
  while (outstanding_ > 0) {
    if (cancel_requested()) {
      interrupted_ = true;
      add_error(Error("the build was interrupted"));
      cancel_rest();
    }
    check_times();
    // A display that fails ends the solve as any failure does: not before all that runs has ended.
    try {
      poll_locks();
      for (const VertexId id : events_.deliver(display_failed ? nobody_ : progress_, patience())) {
        Step& waiting = step(id);
        const std::lock_guard lock(waiting.mutex);
        if (waiting.running) waiting.running->read_on();
      }
      if (!display_failed) tell_work();
    } catch (...) {
      if (!display_failed) display_failed = std::current_exception();
      cancel_rest();
    }
  }
  scheduler_.reset();
  if (display_failed) std::rethrow_exception(display_failed);

  // Who was told of a step's start hears of its end.
  for (const VertexId id : ready_.vertices()) {
    Step& left = step(id);
    if (left.report.ended != 0) continue;
    left.report.outcome = VertexReport::Outcome::cancelled;
    if (left.report.started != 0) finish_report(left, VertexReport::Outcome::cancelled);
  }
  events_.deliver(progress_, std::chrono::milliseconds(0));

  // What was finished is kept, also when something else failed; and when keeping it fails too, the
  // first failure is the one to tell.
  try {
    write_back();
  } catch (Error& error) {
    if (errors_.empty()) throw;
    errors_.push_back(std::move(error));
  }

  std::vector<VertexReport> reports;
  for (const VertexId id : ready_.vertices()) reports.push_back(step(id).report);
  // What begins again has not ended.
  if (options_.ended && !lost_a_layer()) options_.ended(reports);
  if (!errors_.empty()) {
    if (!lost_a_layer()) show_failed();
    throw collected_errors();
  }
  SolveResult result;
  for (const VertexId root : roots_) {
    SolvedRoot solved{step(root).result.layers, step(root).result.created};
    if (root == roots_.front()) static_cast<SolvedRoot&>(result) = solved;
    result.roots.push_back(std::move(solved));
  }
  for (const VertexId id : ready_.vertices()) tell_outcome(step(id), result);
  make_unique(result.sources);
  result.reports = std::move(reports);
  return result;
}

void Solver::tell_outcome(const Step& ended, SolveResult& result) const {
  const Operation& operation = graph_[ended.id].operation;
  // A repository's or a file's result is that one layer.
  if (ended.key && !ended.result.layers.empty())
    result.made.emplace_back(ended.id, ended.result.layers.back());
  std::optional<Digest> content;
  if (const auto* http = std::get_if<FetchHttp>(&operation); http && !ended.result.layers.empty()) {
    // In the key, also of a hit that has fetched nothing; but for a checksum of another kind.
    for (const KeyPart& part : ended.parts)
      if (part.label == http_content_part) content = Digest::parse(part.value);
    if (!content) {
      const auto index = store_.layers().index(ended.result.layers.back().diff_id);
      if (const auto file = index->find(http->file_name)) content = index->entry(*file).content;
    }
  }
  if (auto source = resolved_source(operation, content, ended.git))
    result.sources.push_back(std::move(*source));
}

WorkFigures Solver::work_of(const Step& current) {
  WorkFigures figures;
  figures.kind = current.working;
  if (figures.kind == WorkFigures::Kind::copying) {
    figures.files = current.file_work.files;
    figures.bytes = current.file_work.bytes;
  } else if (figures.kind == WorkFigures::Kind::reading) {
    for (const Context* context : current.reads) {
      const Context::Figures read = context->figures();
      figures.names += read.entries;
      figures.files += read.files_hashed;
      figures.bytes += read.bytes_hashed;
    }
  }
  return figures;
}

void Solver::tell_work() {
  constexpr std::int64_t long_enough = 1'000'000'000;
  const auto time = std::chrono::steady_clock::now();
  if (time < next_work_) return;
  next_work_ = time + std::chrono::milliseconds(100);
  for (const VertexId id : ready_.vertices()) {
    const Step& current = step(id);
    const WorkFigures figures = work_of(current);
    if (figures.kind == WorkFigures::Kind::none) continue;
    const std::int64_t elapsed = now() - current.working_since;
    if (elapsed > long_enough) progress_.working(id, figures, elapsed);
  }
}

std::chrono::milliseconds Solver::patience() {
  const std::lock_guard lock(mutex_);
  return lock_waits_.empty() ? std::chrono::milliseconds(100) : lock_patience;
}

void Solver::add_error(Error error) {
  const std::lock_guard lock(mutex_);
  errors_.push_back(std::move(error));
}

Error Solver::collected_errors() const {
  std::vector<Diagnostic> all;
  for (const Error& error : errors_) {
    all.insert(all.end(), error.diagnostics().begin(), error.diagnostics().end());
  }
  return Error(std::move(all));
}

void Solver::done(std::size_t pieces) {
  if (outstanding_.fetch_sub(pieces) == pieces) events_.wake();
}

void Solver::enqueue(std::function<void()> work) {
  ++outstanding_;
  scheduler_->enqueue([this, work = std::move(work)]() mutable {
    work();
    work = nullptr;  // what it holds, locks and views of layers, ends before the solve can
    done();
  });
}

void Solver::attempt(VertexId id, const std::function<void()>& work) {
  try {
    work();
  } catch (Error& error) {
    fail(step(id), std::move(error));
  } catch (const std::exception& error) {
    fail(step(id), Error(error.what()));
  }
}

void Solver::enqueue(VertexId id, std::function<void()> work) {
  enqueue([this, id, work = std::move(work)] { attempt(id, work); });
}

void Solver::enqueue_beside(VertexId id, std::function<void()> work) {
  ++outstanding_;
  scheduler_->enqueue_process(remaining_time(id), [this, id, work = std::move(work)]() mutable {
    auto run = [this, id, work = std::move(work)]() mutable {
      if (!stopping()) attempt(id, work);
      work = nullptr;
      scheduler_->release_process();
      done();
    };
    start_thread(std::move(run));
  });
}

void Solver::enqueue_waiting(VertexId id, std::function<void()> work) {
  ++outstanding_;
  start_thread([this, id, work = std::move(work)]() mutable {
    if (!stopping()) attempt(id, work);
    work = nullptr;
    done();
  });
}

void Solver::start_thread(std::function<void()> run) {
  try {
    const std::lock_guard lock(mutex_);
    beside_.emplace_back(run);
    return;
  } catch (const std::system_error&) {
    // No more threads are to be had: who asks waits then.
  }
  run();
}

StackView Solver::view_of(VertexId id) {
  return store_.layers().view(step(id).result.layers);
}

void Solver::begin(VertexId id) {
  Step& current = step(id);
  if (stopping()) return;
  {
    const std::lock_guard lock(current.mutex);
    if (current.report.started == 0) current.report.started = now();
  }
  const Operation& operation = graph_[id].operation;
  if (std::holds_alternative<Scratch>(operation)) return settle(current);
  if (const auto* image = std::get_if<BaseImage>(&operation)) {
    return begin_base_image(current, *image);
  }
  if (const auto* context = std::get_if<ReadContext>(&operation)) {
    return begin_context(current, *context);
  }
  if (const auto* git = std::get_if<FetchGit>(&operation)) return begin_git(current, *git);
  if (const auto* http = std::get_if<FetchHttp>(&operation)) return begin_http(current, *http);
  if (std::holds_alternative<StackLayers>(operation)) return begin_stack(current);
  with_indexes(current, [this, &current] {
    if (std::holds_alternative<RunProcess>(graph_[current.id].operation)) return begin_run(current);
    begin_copy(current);
  });
}

void Solver::seal(Step& current) {
  for (const VertexId id : ready_.sealed(current.id)) {
    if (!std::holds_alternative<RunProcess>(graph_[id].operation)) continue;
    enqueue(id, [this, id] { speculate(id); });
  }
}

void Solver::seal_upper(Step& current, std::optional<Staging> staging) {
  if (staging) current.staging.emplace(std::move(*staging));
  {
    const std::unique_lock lock(current.result.directories_mutex);
    current.result.directories = step(graph_[current.id].inputs[0]).result.directories;
    current.result.directories.push_back(current.staging->upper());
  }
  seal(current);
}

void Solver::settle(Step& current) {
  {
    const std::unique_lock lock(current.result.directories_mutex);
    current.result.directories.clear();
    for (const LayerRef& layer : current.result.layers) {
      current.result.directories.push_back(store_.layers().directory(layer.diff_id));
    }
  }
  // The lock of its key is given back when its dependents have theirs: a process that waits for this
  // key must not find the next one free while it already runs here. Those of its cache mounts go
  // before, because the dependents may want them.
  current.output.end();
  auto locks = std::make_shared<std::vector<KeyLock>>(std::move(current.locks));
  current.locks.clear();
  if (locks->size() > 1) locks->erase(locks->begin() + 1, locks->end());
  if (current.report.outcome == VertexReport::Outcome::local) {
    finish_report(current, VertexReport::Outcome::local);
  }
  bring_root(current);
  for (const VertexId id : ready_.settled(current.id)) {
    enqueue(id, [this, id, locks] { begin(id); });
  }
}

void Solver::finish_report(Step& current, VertexReport::Outcome outcome) {
  current.report.outcome = outcome;
  current.report.work = work_of(current);
  current.working = WorkFigures::Kind::none;
  current.report.key = current.key;
  current.report.ended = now();
  events_.finished(current.report);
}

void Solver::fail(Step& current, Error error) {
  if (graph_[current.id].origin) error.at(graph_[current.id].origin);
  current.output.end();
  current.locks.clear();
  // What was stopped is no failure of its own.
  finish_report(current,
                stopping() ? VertexReport::Outcome::cancelled : VertexReport::Outcome::failed);
  ready_.failed(current.id);
  {
    const std::lock_guard lock(mutex_);
    // After the first failure the others are killed, and what they say of it is no news.
    if (!stopping_) errors_.push_back(std::move(error));
  }
  if (!options_.keep_going) cancel_rest();
}

void Solver::cancel_rest() {
  if (stopping_.exchange(true)) return;
  stopped_by_loss_ = *lost_;
  // Layers that are on their way are nobody's any more: all that begins again asks no shared cache.
  if (options_.shared != nullptr) options_.shared->stop_reading();
  for (const auto& [name, context] : options_.contexts) {
    // When all begins again they are read again.
    if (context && !stopped_by_loss_) context->stop();
  }
  for (const VertexId id : ready_.vertices()) {
    Step& other = step(id);
    other.file_work.stopped = true;
    const std::lock_guard lock(other.mutex);
    if (other.running) other.running->kill();
  }
}

}  // namespace slipway
