// Solving a graph: every vertex the root needs is found in the cache or executed, in parallel.
#pragma once

#include <cache/store.hpp>
#include <executor/files/context.hpp>
#include <executor/progress.hpp>
#include <executor/sandbox/process_runner.hpp>
#include <executor/solve/failed_step.hpp>
#include <executor/sources/resolved_source.hpp>
#include <ir/graph.hpp>
#include <ir/layer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace slipway {

class SharedCaches;

// How long something may take.
struct TimeLimit {
  std::chrono::nanoseconds duration{0};
  std::string flag;  // as it was asked for, for messages: "--timeout 10m"
};

struct SolveOptions {
  std::size_t max_parallelism = 0;  // RUN processes at once; 0: four a core, at least eight
  bool keep_going = false;          // a failure does not cancel what does not need it
  // Of all that was done since `began`, and of the process of one RUN. At its end what runs is
  // killed, and what was finished by then is kept.
  std::optional<TimeLimit> timeout;
  std::optional<TimeLimit> step_timeout;
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
  // Names this Dockerfile, for finding what its steps were the last time; opaque.
  std::string place;
  // Directories by context name; the build context is "".
  std::map<std::string, std::unique_ptr<Context>> contexts;
  // Those that are no directories, alike.
  std::map<std::string, std::unique_ptr<SourceTree>> trees;
  // Secrets by id: gives the bytes, or nothing if there is no such secret.
  std::function<std::optional<std::string>(const std::string&)> secret;
  // Those whose value counts: a step that uses one runs again when it has changed. Its digest by the
  // store's own key is part of the step's, so such a step is found in this store only.
  std::set<std::string> keyed_secrets;
  // The sockets of SSH agents by id, for steps that ask for one. "default" is git's, too.
  std::map<std::string, std::filesystem::path> ssh_agents;
  // Caches shared with other machines; null: none. Steps that none of them and this store has are
  // offered to those that are written to.
  SharedCaches* shared = nullptr;
  // Whether the roots' layers have to be in the store at the end: else those that a shared cache has
  // stay there.
  bool bring_layers = true;
  // For comparing with what was built a moment ago: every step that gives a layer is executed, no
  // record is read, kept or shared, and a layer is never the earlier one with the same files. What
  // it makes nothing refers to afterwards.
  bool aside = false;
  // Called once when all has ended, before solve() returns or throws, with what is known of every
  // vertex that was needed.
  std::function<void(const std::vector<VertexReport>&)> ended;
  // What to do where a file of the web has another checksum than it was asked for with; empty: change
  // the Dockerfile, which has it.
  std::string checksum_hint;
  // Called with the id of a cache mount that a step is about to use and that is not here. Makes its
  // directory, if it has what belongs there, by a rename that takes no other's place; may take long,
  // and gives up once `cancelled` says so. What it has not got begins as the instruction says.
  std::function<void(const std::string& id, const std::filesystem::path& directory,
                     const std::function<bool()>& cancelled)>
      import_mount;
  // What to tell beside a RUN's exit code: how to look into what it left.
  std::string failure_hint;
  // Called when a RUN has failed and all else has ended, with the first that failed and with what
  // solve() is about to throw. What it throws takes the place of that.
  std::function<void(FailedStep&, const Error&)> failed;
};

struct SolvedRoot {
  LayerStack layers;
  std::vector<std::int64_t> created;  // per layer: when it was first made, seconds; 0: unknown
};

// What is told of a root is the first one's, which most often is the only one.
struct SolveResult : SolvedRoot {
  std::vector<SolvedRoot> roots;      // all, in the order they were asked for
  // What was taken from outside, by hits too, sorted. Of images who resolved them knows more.
  std::vector<ResolvedSource> sources;
  // The layer of every step that was needed and makes one, in order of VertexId.
  std::vector<std::pair<VertexId, LayerRef>> made;
  std::vector<VertexReport> reports;  // of every vertex that was needed, in order of VertexId
};

// Throws the first vertex's Error when all that ran has ended; what was finished by then is kept. Of
// a RUN that failed the files are kept for the place, until its next solve begins (failed_steps.hpp).
// Where a shared cache has a record and then cannot give its layer, all begins again without reading
// from shared caches: what was finished is a hit then.
SolveResult solve(const Graph& graph, const std::vector<VertexId>& roots, Store& store,
                  ProcessRunner& runner, SolveOptions& options, Progress& progress);
inline SolveResult solve(const Graph& graph, VertexId root, Store& store, ProcessRunner& runner,
                         SolveOptions& options, Progress& progress) {
  return solve(graph, std::vector{root}, store, runner, options, progress);
}

// Ends the solve that is running in this process, as a first failure does; async-signal-safe.
void cancel_solve() noexcept;

}  // namespace slipway
