// Cache mounts that a build shares with other machines: --cache-mount-from and --cache-mount-to.
#pragma once

#include "build_request.hpp"
#include "display.hpp"

#include <executor/solve/solve.hpp>
#include <ir/error.hpp>
#include <ir/graph.hpp>

#include <functional>
#include <memory>
#include <string>

namespace slipway {

class Store;

class SharedMounts {
 public:
  // What the flags ask for. Nothing is read or opened yet. Throws Error. `note` hears of each cache
  // that is left alone, and why; from any thread.
  SharedMounts(const BuildRequest& request, std::function<void(const Diagnostic&)> note);
  ~SharedMounts();
  SharedMounts(const SharedMounts&) = delete;

  // Before the solve: lets steps have the mounts that are not here.
  void hand_over(SolveOptions& options, Store& store);

  // After a build that went well: the mounts that it used go to where they are shared. What fails
  // is a note, and never ends the build.
  void export_used(const Graph& graph, const SolveResult& result, Display& display);

  // "cache mount go: imported, 1.0 GB, 312.4 MB received", a line for each mount; empty: there was
  // nothing to do.
  std::string report() const;
  // The same as JSON: an array of objects; empty: no flag was given.
  std::string report_json() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway
