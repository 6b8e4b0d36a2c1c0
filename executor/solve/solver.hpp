// One solve while it runs. Internal to this folder; solve.hpp is its face.
//
// The life of a step:
//   inputs sealed   a RUN whose parent has just run starts at once (speculate)
//   inputs settled  its key is computed: a record gives the result, or it is a miss (decide)
//   process ended   its files are complete: dependents may start (seal)
//   layer made      its record is written: dependents' keys can be computed (settle)
// A step that started early and turns out to be a hit is killed and its files are dropped; it never
// seals before it is decided, so nothing is ever built on files that were dropped.
#pragma once

#include <cache/failed_steps.hpp>
#include <cache/secret_key.hpp>
#include <cache/shared/shared_caches.hpp>
#include <executor/files/copy.hpp>
#include <executor/git/git_sources.hpp>
#include <executor/http/fetch.hpp>
#include <executor/solve/baseline.hpp>
#include <executor/solve/event_queue.hpp>
#include <executor/solve/ready_set.hpp>
#include <executor/solve/scheduler.hpp>
#include <executor/solve/solve.hpp>
#include <executor/solve/step.hpp>
#include <executor/solve/step_parts.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace slipway {

// True once after cancel_solve() (solve.hpp).
bool cancel_requested() noexcept;

class Solver {
 public:
  // `reads_shared`: records of shared caches count.
  Solver(const Graph& graph, const std::vector<VertexId>& roots, Store& store, ProcessRunner& runner,
         SolveOptions& options, Progress& progress, bool reads_shared = true);
  ~Solver();

  SolveResult run();
  // After run() threw: a shared cache did not give what its record promised, and nothing else ended
  // the solve before.
  bool lost_a_layer() const { return *lost_ && !interrupted_ && (!stopping_ || stopped_by_loss_); }

 private:
  // solver.cpp: the flow.
  Step& step(VertexId id) { return *steps_[index_of(id)]; }
  StackView view_of(VertexId id);
  std::int64_t now() const;
  void enqueue(std::function<void()> work);
  // What it throws fails the step.
  void attempt(VertexId id, const std::function<void()>& work);
  // Work that must not be lost on an Error: it fails the step instead.
  void enqueue(VertexId id, std::function<void()> work);
  // Work that waits for others most of its time: on a thread of its own, when a process might
  // start.
  void enqueue_beside(VertexId id, std::function<void()> work);
  // The same for a short wait, at once.
  void enqueue_waiting(VertexId id, std::function<void()> work);
  void start_thread(std::function<void()> run);
  void begin(VertexId id);
  void seal(Step& step);
  // The same for files that `staging` holds: they are the topmost layer from now on.
  void seal_upper(Step& step, std::optional<Staging> staging = std::nullopt);
  void settle(Step& step);
  void fail(Step& step, Error error);
  void cancel_rest();
  void add_error(Error error);
  // All of them as one. Requires that there are some.
  Error collected_errors() const;
  std::chrono::milliseconds patience();
  bool stopping() const { return stopping_; }
  // How often locks that other processes hold are tried.
  static constexpr std::chrono::milliseconds lock_patience{10};
  void tell_work();
  static WorkFigures work_of(const Step& step);
  // What of it who asked for the solve is told.
  void tell_outcome(const Step& ended, SolveResult& result) const;
  void finish_report(Step& step, VertexReport::Outcome outcome);
  void done(std::size_t pieces = 1);

  // time_limits.cpp
  void check_times();
  void end_build_in_time();
  Error took_too_long(const Step& step) const;

  // records.cpp: keys, records, and what other processes do.
  void decide(Step& step, std::vector<PlannedFiles> files, std::function<void()> miss);
  std::optional<Record> record_before(VertexId id) { return baselines_.last(id); }
  // Whether no record counts: somebody asked that the step is run.
  bool ignores_records(const Step& step) const {
    return options_.aside || graph_[step.id].ignore_cache.has_value();
  }
  bool use_record(Step& step);
  void take_record(Step& step, const Record& record);
  void miss_here(Step& step, std::vector<PlannedFiles> files, std::function<void()> miss);
  // `watched`: the user was told that the step waits, and is shown the output of who runs it.
  void wait_for_locks(Step& step, std::vector<Digest> keys, std::function<void()> then,
                      std::shared_ptr<SharedOutputReader> watched = nullptr);
  void show_shared(Step& step, SharedOutputReader& output);
  void poll_locks();
  void keep_layer(Step& step, const BuiltLayer& built);
  void stack_on_input(Step& step, const LayerRef& layer, std::int64_t created);
  std::string place_of(VertexId id) const { return baselines_.place_of(id); }
  void write_back();

  // shared_records.cpp: what shared caches have.
  bool is_here(const LayerRef& layer) const;
  bool asks_shared(const Step& step) const;
  bool use_shared(Step& step);
  LayerStack inputs_layers(VertexId id, bool with_root);
  void with_indexes(Step& step, std::function<void()> then);
  void with_layers(Step& step, std::function<void()> then);
  void bring(const LayerStack& layers);
  bool all_are_here(const Step& below) const;
  void bring_root(Step& root);
  void offer(const Record& record, const std::vector<RecordedFiles>& files);
  void keep_shared_records();

  // missed.cpp
  bool is_too_old(Step& step, const Record& record) const;
  void explain(Step& step);

  // sources.cpp: what needs no cache.
  void begin_base_image(Step& step, const BaseImage& image);
  void begin_context(Step& step, const ReadContext& context);
  void begin_stack(Step& step);
  std::vector<std::unique_ptr<SourceTree>> own_trees(Step& step,
                                                     std::vector<const SourceTree*>& trees);

  // git_step.cpp
  void begin_git(Step& step, const FetchGit& fetch);
  void decide_git(Step& step, const FetchGit& resolved);
  GitListener listener_of(const Step& step);

  // copy_step.cpp
  void begin_copy(Step& step);

  // http_step.cpp
  void begin_http(Step& step, const FetchHttp& operation);
  void ask_http(Step& step, const FetchHttp& operation, bool anew);
  void keep_http(Step& step, const FetchHttp& operation, const HttpFile& file);

  // run_step.cpp
  void speculate(VertexId id);
  void begin_run(Step& step);
  void go_on_with_run(Step& step);
  void queue_process(Step& step);
  void start_process(Step& step);
  void process_ended(Step& step, RunResult result);
  void finish_run(Step& step);
  std::int64_t remaining_time(VertexId id);

  void process_gone(Step& step);
  static void forget_mounts(Step& step);

  // failed_step.cpp
  class Failure;
  void keep_failed(Step& step);
  void show_failed();

  // mounts.cpp
  std::vector<PlannedFiles> add_mount_parts(Step& step);
  void add_secret_parts(Step& step);
  // Ids of cache mounts that are not here and may be somewhere else.
  std::vector<std::string> mounts_to_import(const RunProcess& run) const;
  void import_mounts(Step& step);  // waits for the network
  std::vector<ResolvedMount> resolve_mounts(Step& step);
  std::filesystem::path cache_directory(Step& step, const RunProcess::Mount& mount,
                                        const std::vector<const SourceTree*>& trees);
  void make_cache_directory(const std::filesystem::path& directory, const RunProcess::Mount& mount,
                            const std::vector<const SourceTree*>& trees);
  Staging copy_for_mount(const RunProcess::Mount& mount,
                         const std::vector<const SourceTree*>& trees);
  std::vector<Digest> mount_locks(const RunProcess& run) const;

  const Graph& graph_;
  const std::vector<VertexId> roots_;
  Store& store_;
  ProcessRunner& runner_;
  SolveOptions& options_;
  const bool reads_shared_;
  // Set by whoever cannot get a layer; the store has it too, which outlives the solver.
  const std::shared_ptr<std::atomic<bool>> lost_ = std::make_shared<std::atomic<bool>>(false);
  Progress& progress_;
  Progress nobody_;  // hears the rest after progress_ failed
  const std::chrono::steady_clock::time_point began_;

  ReadySet ready_;
  Baselines baselines_;
  std::vector<std::unique_ptr<Step>> steps_;  // by vertex; null where it is not needed
  EventQueue events_;
  // Of the thread in run() alone: when the locks are tried next, and work on files is told.
  std::chrono::steady_clock::time_point next_poll_;
  std::chrono::steady_clock::time_point next_work_;
  GitSources git_;

  std::atomic<bool> stopping_{false};     // set once; nothing new starts
  bool stopped_by_loss_ = false;          // of a layer; written by who set stopping_, read at the end
  // Tasks, processes and waits that are under way. Only these make new ones, so zero is the end.
  std::atomic<std::size_t> outstanding_{0};

  std::mutex mutex_;                      // guards what follows
  std::vector<Error> errors_;
  Step* failed_ = nullptr;                // the first RUN that failed
  bool interrupted_ = false;              // by the user; of the thread in run()
  struct LockWait {
    Step* step;
    std::vector<Digest> keys;
    std::function<void()> then;
    std::shared_ptr<SharedOutputReader> watched;  // once the user was told
  };
  std::vector<LockWait> lock_waits_;
  std::vector<CacheKey> used_;            // by hits, to be marked in the store
  std::vector<SharedRecord> shared_;      // of hits that a shared cache gave
  bool wrote_ = false;                    // there is something new to make durable
  std::vector<std::thread> beside_;       // joined when the solve has ended
  std::optional<SecretKey> secret_key_;   // once a key needs it
  std::once_flag estimated_;
  std::vector<std::int64_t> remaining_;   // by vertex, nanoseconds; after estimated_

  // What that RUN left. Written by the thread that set failed_, read when all work has ended.
  std::optional<FailedSteps::Kept> kept_;

  // Last, so that it waits for all work before anything that work uses goes away.
  std::optional<Scheduler> scheduler_;
};

}  // namespace slipway
