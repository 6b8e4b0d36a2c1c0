// What a solve knows of one vertex while it works on it.
#pragma once

#include <cache/layers/store.hpp>
#include <cache/records.hpp>
#include <executor/files/context.hpp>
#include <executor/files/file_work.hpp>
#include <executor/files/source_tree.hpp>
#include <executor/progress.hpp>
#include <executor/sandbox/process_runner.hpp>
#include <executor/solve/key_lock.hpp>
#include <executor/solve/shared_output.hpp>
#include <ir/graph.hpp>
#include <ir/key.hpp>
#include <ir/layer.hpp>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

namespace slipway {

// The result of a vertex. Written by the thread that seals and settles it, read by those of its
// dependents afterwards; the ready set's counts order the two. Only `directories` can still change
// after sealing, when a layer moves into the store, and has a lock for that.
struct StepResult {
  LayerStack layers;                  // once settled
  std::vector<std::int64_t> created;  // per layer, seconds since the epoch; 0: unknown
  const SourceTree* context = nullptr;  // of a ReadContext: the files, and no layers

  // Once sealed: the layers' directories, lowest first. Held shared from reading the paths until
  // the process that uses them has its mounts; held alone to move the topmost one.
  mutable std::shared_mutex directories_mutex;
  std::vector<std::filesystem::path> directories;
};

// The directories as overlayfs takes them, lowest first. It refuses a directory that is there
// twice, as that of the empty layer often is; the upper one alone decides about every path in it.
// With `directories_mutex` held.
std::vector<std::filesystem::path> mountable(const StepResult& result);

struct Step {
  VertexId id{};
  StepResult result;
  VertexReport report;

  // The key, once all inputs are settled. Written once, before `decided`.
  KeyParts parts;
  std::optional<CacheKey> key;
  // Of a repository: the operation with its commit. Written before the key.
  std::optional<FetchGit> git;
  // Of a miss: what the parts that are digests of files were made of.
  std::vector<RecordedFiles> files;
  // What the step gave before: by the same key where records were not to be used, else the last
  // time it stood here. Its layer is kept if the step gives the same tree again.
  std::optional<Record> before;
  bool expired = false;  // `before` is its own record, which is too old to count

  // What a COPY is doing. The kind is set after, and read before, what its figures are made of.
  std::atomic<WorkFigures::Kind> working{WorkFigures::Kind::none};
  FileWork file_work;
  std::atomic<std::int64_t> working_since{0};  // nanoseconds since the solve began
  std::vector<const Context*> reads;

  // Of its key and of its locked cache mounts. Touched only by the thread that decides or settles
  // it, one after the other.
  std::vector<KeyLock> locks;  // of its key, then of its cache mounts

  SharedOutput output;  // of its process, for processes that wait for the key

  // Guards what follows: a RUN that started before its inputs were settled is decided by one
  // thread while another one sees its process end.
  std::mutex mutex;
  enum class Process {
    none,     // not asked for
    queued,   // waits for a slot
    running,
    ended,
  };
  Process process = Process::none;
  bool decided = false;    // its key is settled, and is a miss
  bool discarded = false;  // its key is settled, and the result came from elsewhere
  bool finishing = false;  // a thread is making the layer
  bool timed_out = false;  // its process was killed for the time it took
  std::optional<RunResult> exit;
  std::optional<Error> start_error;     // instead of `exit`: it could not be started
  std::unique_ptr<RunningProcess> running;
  std::optional<Staging> staging;       // what the step writes; kept to the end of the solve,
                                        // because a dependent may have it mounted
  // Of its process, and kept where that fails: what it was shown, copies of what bind mounts show it,
  // locks of its private cache mounts.
  std::vector<ResolvedMount> mounts;
  std::vector<Staging> mount_stagings;
  std::vector<KeyLock> directory_locks;
  std::string last_output;              // its end, for the message when it fails
  std::int64_t work_started = 0;        // nanoseconds since the solve began
  std::int64_t work_ended = 0;
};

}  // namespace slipway
