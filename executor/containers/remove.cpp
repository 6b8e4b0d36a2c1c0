#include <executor/containers/remove.hpp>

#include <cache/containers/volumes.hpp>
#include <cache/store.hpp>
#include <executor/containers/monitor_connection.hpp>
#include <ir/error.hpp>

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace slipway {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// A monitor that has written down the end is about to go; a command that starts or removes is
// quick.
constexpr std::chrono::milliseconds patience = 10s;

// Empty: it runs, or somebody has the lock for longer than that.
std::optional<ContainerLock> lock_soon(const std::filesystem::path& folder) {
  const auto deadline = Clock::now() + patience;
  for (auto pause = 1ms;; pause = std::min(2 * pause, std::chrono::milliseconds(50))) {
    if (auto lock = ContainerLock::attempt(folder)) return lock;
    if (Clock::now() > deadline || container_state(folder).alive()) return std::nullopt;
    std::this_thread::sleep_for(pause);
  }
}

// What was sent to one that stands still arrives when it goes on.
void let_go_on(MonitorConnection& monitor, const std::filesystem::path& folder) {
  if (container_state(folder).status != ContainerStatus::paused) return;
  try {
    monitor.unpause();
  } catch (const Error&) {
    // Somebody else was faster; else it shows in that the container does not end.
    if (container_state(folder).status == ContainerStatus::paused) throw;
  }
}

void kill(MonitorConnection& monitor, const std::filesystem::path& folder) {
  if (!monitor.signal(SIGKILL)) return;
  let_go_on(monitor, folder);
  monitor.wait();
}

// Those that nobody named and no other container has.
void remove_anonymous(VolumeStore& volumes, const Container& container) {
  for (const ContainerMount& mount : container.config.mounts) {
    if (mount.type != ContainerMount::Type::volume || !mount.anonymous) continue;
    const std::optional<StoredVolume> volume = volumes.find(mount.source);
    if (volume && volume->anonymous && volumes.users(mount.source).empty())
      volumes.remove(mount.source);
  }
}

}  // namespace

void remove_container(Store& store, const Container& container, const RemoveOptions& options) {
  const std::filesystem::path folder = store.containers().folder(container.id);
  store.containers().make_missing_folder(container.id);
  std::optional<ContainerLock> lock = lock_soon(folder);
  if (!lock && options.force) {
    if (auto monitor = MonitorConnection::open(folder)) kill(*monitor, folder);
    try {
      if (auto now = lock_soon(folder)) lock.emplace(std::move(*now));
    } catch (const NoSuchContainer&) {
      return;  // of one that was started with --rm, whose monitor had it removed at once
    }
  }
  if (!lock) {
    const ContainerStatus status = container_state(folder).status;
    const std::string called = "the container " + quoted(container.name);
    if (status == ContainerStatus::running || status == ContainerStatus::paused)
      throw Error(called + " is " + std::string(status_name(status)))
          .hint("stop it first, or remove it with --force");
    throw Error(called + " is just being started, removed or read by another command");
  }
  settle(folder, *lock);
  store.containers().remove(container.id, *lock);
  if (options.volumes) remove_anonymous(store.volumes(), container);
}

}  // namespace slipway
