// A step's process while it runs, and what is done when it has ended.
#pragma once

#include <executor/chroot/placements.hpp>
#include <executor/chroot/tree_pool.hpp>
#include <executor/sandbox/launch.hpp>
#include <executor/sandbox/process_runner.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

namespace slipway {

// The root that a step runs in.
struct StepRoot {
  std::unique_ptr<Tree> tree;
  std::unique_ptr<Placements> placements;
  std::filesystem::path upper;

  // When nothing is alive in it: the changes to `upper`, and the tree to the pool. After an Error the
  // tree is gone.
  void take_back(TreePool& pool);
  // The tree is removed, and no file of it is looked at.
  void abandon();
};

// On a thread of its own, because looking for what a step has changed takes time. `pool` outlives
// the process. The callbacks are those of ProcessRunner::start and of RunRequest.
std::unique_ptr<RunningProcess> run_step(
    Launched launched, StepRoot root, TreePool& pool, std::function<bool()> room_for_output,
    std::function<void(OutputStream, std::string_view)> output,
    std::function<void(RunResult)> finished);

}  // namespace slipway
