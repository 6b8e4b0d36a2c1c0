#include <executor/solve/scheduler.hpp>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <queue>
#include <thread>
#include <utility>
#include <vector>

namespace slipway {
namespace {

std::size_t cores() { return std::max(1U, std::thread::hardware_concurrency()); }

// Most steps wait for a disk, a network or a lock most of their time, and BuildKit sets no limit at
// all: one process a core would make six stages that sleep 2 s take 6 s on two cores.
std::size_t default_processes() { return std::max<std::size_t>(8, 4 * cores()); }

struct Waiting {
  std::int64_t remaining;
  std::uint64_t order;  // among equals, first come, first served
  std::function<void()> start;
};

struct LaterServed {
  bool operator()(const Waiting& a, const Waiting& b) const {
    if (a.remaining != b.remaining) return a.remaining < b.remaining;
    return a.order > b.order;
  }
};

}  // namespace

struct Scheduler::State {
  explicit State(std::size_t processes)
      : control(tbb::global_control::max_allowed_parallelism, cores() + 1),
        arena(static_cast<int>(cores()), 0),
        free_slots(processes == 0 ? default_processes() : processes) {}

  // TBB starts one worker less than it has cores and expects the caller to be the other one; ours
  // sleeps. Only both together, one more allowed and no place reserved for the caller, gave two
  // workers on two cores.
  tbb::global_control control;
  tbb::task_arena arena;

  // Guards all below. Held for moments only, never across work.
  std::mutex mutex;
  std::condition_variable idle;
  std::size_t outstanding = 0;
  std::size_t free_slots;
  std::uint64_t order = 0;
  std::priority_queue<Waiting, std::vector<Waiting>, LaterServed> waiting;

  void run(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex);
      ++outstanding;
    }
    // TBB may keep its closure beyond the end of what the work refers to.
    auto held = std::make_shared<std::function<void()>>(std::move(work));
    arena.enqueue([this, held] {
      (*held)();
      *held = nullptr;
      const std::lock_guard lock(mutex);
      if (--outstanding == 0) idle.notify_all();
    });
  }

  // The next process that may start, if a slot is free for it.
  std::function<void()> take() {
    const std::lock_guard lock(mutex);
    if (free_slots == 0 || waiting.empty()) return nullptr;
    --free_slots;
    auto start = waiting.top().start;
    waiting.pop();
    return start;
  }
};

Scheduler::Scheduler(std::size_t processes) : state_(std::make_unique<State>(processes)) {}

Scheduler::~Scheduler() {
  std::unique_lock lock(state_->mutex);
  state_->idle.wait(lock, [this] { return state_->outstanding == 0; });
}

void Scheduler::enqueue(std::function<void()> work) { state_->run(std::move(work)); }

void Scheduler::enqueue_process(std::int64_t remaining, std::function<void()> start) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->waiting.push({remaining, state_->order++, std::move(start)});
  }
  if (auto next = state_->take()) state_->run(std::move(next));
}

void Scheduler::release_process() {
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->free_slots;
  }
  if (auto next = state_->take()) state_->run(std::move(next));
}

}  // namespace slipway
