#include <executor/containers/remove.hpp>

#include <cache/containers/volumes.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace slipway {
namespace {

using namespace std::chrono_literals;

// A monitor that has written down the end is about to go; a command that starts or removes is
// quick.
constexpr std::chrono::milliseconds patience = 10s;

std::string short_id(const Container& container) {
  return container.id.substr(0, 12);
}

std::optional<ContainerLock> lock_soon(const std::filesystem::path& folder) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (auto pause = 1ms;; pause = std::min(2 * pause, std::chrono::milliseconds(50))) {
    if (auto lock = ContainerLock::attempt(folder)) return lock;
    if (std::chrono::steady_clock::now() > deadline) return std::nullopt;
    if (container_state(folder).alive()) return std::nullopt;
    std::this_thread::sleep_for(pause);
  }
}

// That nobody else has and nobody named.
void remove_anonymous(VolumeStore& volumes, const Container& container) {
  for (const ContainerMount& mount : container.config.mounts) {
    if (mount.type != ContainerMount::Type::volume || !mount.anonymous) continue;
    const std::optional<Volume> volume = volumes.find(mount.source);
    if (volume && volume->anonymous && volumes.users(mount.source).empty())
      volumes.remove(mount.source);
  }
}

}  // namespace

void remove_container(Store& store, const Container& container, const RemoveOptions& options) {
  const std::filesystem::path folder = store.containers().folder(container.id);
  store.containers().make_missing_folder(container.id);
  const std::optional<ContainerLock> lock = lock_soon(folder);
  if (!lock)
    throw Error("the container " + short_id(container) + " is running")
        .hint("stop it first, or remove it with --force");
  settle(folder, *lock);
  store.containers().remove(container.id, *lock);
  if (options.volumes) remove_anonymous(store.volumes(), container);
}

}  // namespace slipway
