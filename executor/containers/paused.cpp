#include <executor/containers/container_tree.hpp>

#include <cache/store.hpp>
#include <ir/error.hpp>

#include <chrono>
#include <thread>

namespace slipway {
namespace {

using namespace std::chrono_literals;

// Who starts, stops or reads a container takes less.
constexpr auto patience = 60s;

}  // namespace

PausedContainer::PausedContainer(Store& store, const Container& container, bool pause) {
  const std::filesystem::path folder = store.containers().folder(container.id);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const ContainerState state = container_state(folder);
    if (state.alive() && !pause) return;
    if (state.alive()) {
      auto monitor = MonitorConnection::open(folder);
      if (monitor && monitor->hold_still()) {
        held_.emplace(std::move(*monitor));
        return;
      }
    } else if (auto lock = ContainerLock::attempt(folder)) {
      settle(folder, *lock);
      stopped_.emplace(std::move(*lock));
      return;
    }
    // It is about to run, or to have ended.
    if (std::chrono::steady_clock::now() > deadline)
      throw Error("the container " + quoted(container.name) + " is in use by another command")
          .hint("wait for it, or end it");
    std::this_thread::sleep_for(10ms);
  }
}

}  // namespace slipway
