#include <executor/solve/scheduler.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <latch>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;

TEST_CASE("all work that was given is done before the scheduler ends") {
  std::atomic<int> done = 0;
  {
    Scheduler scheduler(2);
    for (int i = 0; i < 100; ++i) {
      scheduler.enqueue([&] {
        ++done;
        scheduler.enqueue([&] { ++done; });
      });
    }
  }
  CHECK(done == 200);
}

TEST_CASE("no more processes than asked for run at once, and those with most behind them first") {
  std::mutex mutex;
  std::vector<std::int64_t> order;
  int running = 0;
  int most = 0;
  std::latch ended(9);
  std::vector<std::jthread> processes;
  {
    Scheduler scheduler(1);
    const auto start = [&](std::int64_t remaining) {
      scheduler.enqueue_process(remaining, [&, remaining] {
        const std::lock_guard lock(mutex);
        order.push_back(remaining);
        most = std::max(most, ++running);
        // Ends later, on a thread that is no worker's.
        processes.emplace_back([&] {
          std::this_thread::sleep_for(std::chrono::milliseconds(2));
          {
            const std::lock_guard guard(mutex);
            --running;
          }
          scheduler.release_process();
          ended.count_down();
        });
      });
    };
    start(100);  // takes the only slot; the others queue behind it
    for (const int remaining : {3, 7, 1, 8, 2, 6, 4, 5}) start(remaining);
    ended.wait();
  }
  CHECK(most == 1);
  REQUIRE(order.size() == 9);
  CHECK(order.front() == 100);
  // The second may have been chosen before the rest had queued; from then on the order is fixed.
  CHECK(std::is_sorted(order.begin() + 2, order.end(), std::greater<>()));
}

TEST_CASE("work runs beside as many processes as may run, though none of them returns a worker") {
  std::atomic<int> started = 0;
  std::atomic<bool> worked = false;
  std::vector<std::jthread> processes;
  std::mutex mutex;
  std::latch ended(8);
  {
    Scheduler scheduler(8);
    for (int i = 0; i < 8; ++i) {
      scheduler.enqueue_process(0, [&] {
        ++started;
        const std::lock_guard lock(mutex);
        processes.emplace_back([&] {
          // Waits for the work: it can only be done if sleeping processes hold no worker.
          while (!worked || started < 8) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          scheduler.release_process();
          ended.count_down();
        });
      });
    }
    scheduler.enqueue([&] { worked = true; });
    ended.wait();
  }
  CHECK(started == 8);
}
