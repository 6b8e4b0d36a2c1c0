// A RUN that failed, for those who want to look into what it left.
#pragma once

#include <cache/layers/stack.hpp>
#include <executor/sandbox/process_runner.hpp>
#include <ir/error.hpp>
#include <ir/graph.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace slipway {

// Exists while SolveOptions::failed is called: everything else of the solve has ended by then, and
// its inputs, caches and secrets are still there.
class FailedStep {
 public:
  virtual ~FailedStep() = default;

  virtual const Vertex& vertex() const = 0;
  // Its root file system as the step left it. The view's files go with this. Throws Error.
  virtual StackView files() = 0;
  // Starts a program as the step's own was started: in its root, with its mounts, environment,
  // user, working directory and network. What it changes is changed in what is kept. One at a time.
  // Waits for cache mounts that another process has locked; `told` gets why. Throws Error.
  virtual std::unique_ptr<RunningProcess> start(std::vector<std::string> arguments,
                                                const std::vector<std::string>& more_environment,
                                                TerminalSize size,
                                                const std::function<void(const std::string&)>& told,
                                                std::function<void(RunResult)> finished) = 0;
  // True once somebody has asked for the end of the solve.
  virtual bool cancelled() = 0;
};

}  // namespace slipway
