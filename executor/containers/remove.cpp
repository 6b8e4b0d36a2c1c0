#include <executor/containers/remove.hpp>

#include <cache/containers/volumes.hpp>
#include <cache/store.hpp>
#include <executor/containers/monitor_connection.hpp>
#include <ir/error.hpp>
#include <ir/letter_case.hpp>

#include <poll.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
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

// False: it has not ended by then.
bool ends_by(MonitorConnection& monitor, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd ready = {monitor.descriptor(), POLLIN, 0};
    const int count = ::poll(&ready, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (count < 0 && errno != EINTR) throw system_error("poll", "the container's monitor", errno);
    if (count <= 0) continue;
    const MonitorConnection::Event::Kind kind = monitor.receive().kind;
    if (kind == MonitorConnection::Event::Kind::exited ||
        kind == MonitorConnection::Event::Kind::gone)
      return true;
  }
}

// Those that nobody named and no other container has.
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

bool stop_container(Store& store, const Container& container, int signal, std::int64_t seconds) {
  const std::filesystem::path folder = store.containers().folder(container.id);
  std::optional<MonitorConnection> monitor = MonitorConnection::open(folder);
  if (!monitor) return false;
  if (!monitor->signal(signal)) return true;
  let_go_on(*monitor, folder);
  if (seconds < 0) {
    monitor->wait();
    return true;
  }
  // A longer patience than anyone has would only overflow.
  constexpr std::int64_t longest = 100LL * 365 * 24 * 60 * 60;
  const auto deadline = Clock::now() + std::chrono::seconds(std::min(seconds, longest));
  if (!ends_by(*monitor, deadline)) kill(*monitor, folder);
  return true;
}

int signal_number(std::string_view text) {
  int number = 0;
  const char* end = text.data() + text.size();
  if (const auto read = std::from_chars(text.data(), end, number);
      read.ec == std::errc() && read.ptr == end)
    return number > 0 && number <= SIGRTMAX ? number : 0;
  std::string name = upper_case(text);
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (const auto& [other, same] : {std::pair("IOT", SIGABRT), std::pair("CLD", SIGCHLD),
                                    std::pair("IO", SIGIO), std::pair("UNUSED", SIGSYS)})
    if (name == other) return same;
  for (number = 1; number < SIGRTMIN; ++number) {
    const char* known = ::sigabbrev_np(number);
    if (known != nullptr && name == known) return number;
  }
  // "RTMIN", "RTMIN+3", "RTMAX-2".
  const bool from_below = name.starts_with("RTMIN");
  if (!from_below && !name.starts_with("RTMAX")) return 0;
  number = from_below ? SIGRTMIN : SIGRTMAX;
  const std::string_view rest = std::string_view(name).substr(5);
  if (rest.empty()) return number;
  int distance = 0;
  const auto read = std::from_chars(rest.data() + 1, rest.data() + rest.size(), distance);
  if (rest.front() != (from_below ? '+' : '-') || read.ec != std::errc() ||
      read.ptr != rest.data() + rest.size() || distance < 0 || distance > SIGRTMAX - SIGRTMIN)
    return 0;
  return from_below ? number + distance : number - distance;
}

}  // namespace slipway
