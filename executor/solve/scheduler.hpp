// Where the work of a solve is done: CPU work on oneTBB's workers, processes in a queue of their
// own that holds no worker while they run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace slipway {

// All functions may be called from any thread.
class Scheduler {
 public:
  // `processes`: how many may run at once; 0: four a core, and at least eight.
  explicit Scheduler(std::size_t processes);
  // Waits for all work that was given.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;

  // Soon, on a worker. `work` must not throw.
  void enqueue(std::function<void()> work);

  // `start` is called on a worker when a process may be started, those with the longest remaining
  // path first. Each call is answered by one release_process(), when the process has ended.
  void enqueue_process(std::int64_t remaining, std::function<void()> start);
  void release_process();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway
