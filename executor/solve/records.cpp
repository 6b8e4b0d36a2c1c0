// Keys and records: what a step's key is, whether there is a result for it, and keeping a new one.
#include <executor/solve/solver.hpp>

#include <ir/key.hpp>

#include <ctime>
#include <utility>

namespace slipway {

void Solver::decide(Step& current, std::vector<PlannedFiles> files,
                    std::function<void()> miss) {
  current.key = cache_key(current.parts);
  if (!ignores_records(current) && use_record(current)) return;
  if (!asks_shared(current)) return miss_here(current, std::move(files), miss);
  enqueue_waiting(current.id, [this, &current, files = std::move(files), miss] {
    if (use_shared(current)) return;
    enqueue(current.id, [this, &current, files, miss] { miss_here(current, files, miss); });
  });
}

void Solver::miss_here(Step& current, std::vector<PlannedFiles> files, std::function<void()> miss) {
  const Vertex& vertex = graph_[current.id];
  std::vector<Digest> locks{current.key->digest};
  if (const auto* run = std::get_if<RunProcess>(&vertex.operation)) {
    for (const Digest& lock : mount_locks(*run)) locks.push_back(lock);
  }
  wait_for_locks(current, std::move(locks),
                 [this, &current, files = std::move(files), miss] {
                   if (stopping()) return;
                   // Another process may have made it in the meantime.
                   if (!ignores_records(current) && use_record(current)) return;
                   if (!options_.aside) {
                     current.files = lists_of(files);
                     explain(current);
                   }
                   miss();
                 });
}

bool Solver::use_record(Step& current) {
  std::optional<Record> record = store_.records().peek(*current.key);
  if (!record) return false;
  // The row may have outlived the files, or they stayed in a shared cache: it explains the miss then.
  if (!is_here(record->layer)) {
    current.before = std::move(record);
    return false;
  }
  if (is_too_old(current, *record)) return false;
  {
    const std::lock_guard lock(mutex_);
    used_.push_back(*current.key);
  }
  if (options_.shared != nullptr && options_.shared->writes())
    offer(*record, store_.records().files(record->key));
  take_record(current, *record);
  return true;
}

void Solver::take_record(Step& current, const Record& record) {
  {
    const std::lock_guard lock(current.mutex);
    current.discarded = true;
    if (current.running) current.running->kill();
  }
  current.report.saved = record.duration;
  current.report.made = record.ran;
  stack_on_input(current, record.layer, record.created);
  finish_report(current, VertexReport::Outcome::hit);
  settle(current);
}

void Solver::stack_on_input(Step& current, const LayerRef& layer, std::int64_t created) {
  // What was fetched stands on nothing.
  if (const auto& inputs = graph_[current.id].inputs; !inputs.empty()) {
    const StepResult& below = step(inputs[0]).result;
    current.result.layers = below.layers;
    current.result.created = below.created;
  }
  current.result.layers.push_back(layer);
  current.result.created.push_back(created);
}

void Solver::keep_layer(Step& current, const BuiltLayer& built) {
  LayerRef layer = built.layer;
  std::int64_t created = std::time(nullptr);
  const auto& before = current.before;
  if (before && before->layer.tree == built.layer.tree && is_here(before->layer)) {
    // The same files as the last time: the earlier layer stays, and with it all that stands on it.
    layer = before->layer;
    created = before->created;
    current.report.same_tree = true;
  } else {
    // Nobody may be between reading the path and having it mounted.
    const std::unique_lock lock(current.result.directories_mutex);
    layer = store_.layers().commit(std::move(*current.staging), built);
    if (!current.result.directories.empty()) {
      current.result.directories.back() = store_.layers().directory(layer.diff_id);
    }
  }
  stack_on_input(current, layer, created);
  if (options_.aside) return finish_report(current, VertexReport::Outcome::ran);
  Record record;
  record.key = *current.key;
  record.parts = current.parts;
  record.layer = layer;
  record.created = created;
  record.duration = current.work_ended - current.work_started;
  record.last_used = record.ran = std::time(nullptr);
  record.step = graph_[current.id].name;
  store_.records().put(record, current.files);
  offer(record, current.files);
  current.files.clear();
  {
    const std::lock_guard lock(mutex_);
    wrote_ = true;
  }
  finish_report(current, VertexReport::Outcome::ran);
}

void Solver::wait_for_locks(Step& current, std::vector<Digest> keys, std::function<void()> then,
                            std::shared_ptr<SharedOutputReader> watched) {
  const auto file = store_.state().root() / "locks" / "steps";
  std::vector<KeyLock> locks;
  for (const Digest& key : keys) {
    auto lock = KeyLock::attempt(file, key);
    if (!lock) {
      ++outstanding_;
      {
        const std::lock_guard guard(mutex_);
        lock_waits_.push_back({&current, std::move(keys), std::move(then), watched});
      }
      // Who waits already is asked again in its time; waking for it would be a busy loop.
      if (!watched) events_.wake();
      return;
    }
    locks.push_back(std::move(*lock));
  }
  current.locks = std::move(locks);
  // The end of what the other one has said.
  if (watched) show_shared(current, *watched);
  then();
}

void Solver::show_shared(Step& current, SharedOutputReader& output) {
  output.read([this, &current](OutputStream stream, std::string_view text) {
    events_.output(current.id, stream, text);
  });
}

void Solver::poll_locks() {
  const auto time = std::chrono::steady_clock::now();
  if (time < next_poll_ && !stopping()) return;
  next_poll_ = time + lock_patience;
  std::vector<LockWait> waits;
  {
    const std::lock_guard lock(mutex_);
    waits.swap(lock_waits_);
  }
  for (LockWait& wait : waits) {
    Step& waiting = *wait.step;
    if (wait.watched) {
      show_shared(waiting, *wait.watched);
    } else if (!stopping()) {
      wait.watched = std::make_shared<SharedOutputReader>(
          store_.state().work(), shared_output_name(wait.keys.front()));
      events_.output(waiting.id, OutputStream::err,
                     "waiting for another slipway process that runs this step, or for a step that "
                     "uses its cache mount\n");
    }
    // Tried again from the start, all or none: two steps with the same locks never wait for each
    // other.
    enqueue(waiting.id, [this, wait = std::move(wait)]() mutable {
      if (stopping()) return;
      wait_for_locks(*wait.step, std::move(wait.keys), std::move(wait.then), wait.watched);
    });
    done();
  }
}

void Solver::write_back() {
  std::vector<RecordStore::Place> places;
  for (const VertexId id : ready_.vertices()) {
    const Step& known = step(id);
    const auto outcome = known.report.outcome;
    if (outcome != VertexReport::Outcome::hit && outcome != VertexReport::Outcome::ran) continue;
    places.push_back({place_of(id), *known.key});
  }
  if (!options_.aside) {
    keep_shared_records();
    if (wrote_) store_.sync();
    store_.records().touch(used_);
    store_.records().remember(places);
  }
  for (auto& [name, context] : options_.contexts) {
    if (context) context->remember();
  }
}

}  // namespace slipway
