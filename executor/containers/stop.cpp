// Asking containers to end, and making them.
#include <executor/containers/monitor_connection.hpp>
#include <executor/containers/remove.hpp>

#include <cache/store.hpp>
#include <ir/error.hpp>

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <thread>

namespace slipway {
namespace {

using Clock = std::chrono::steady_clock;

std::optional<int> number(std::string_view text) {
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

// "RTMIN+3", "RTMAX-1".
std::optional<int> real_time(std::string_view name) {
  const bool from_below = name.starts_with("RTMIN");
  if (!from_below && !name.starts_with("RTMAX")) return std::nullopt;
  const int base = from_below ? SIGRTMIN : SIGRTMAX;
  const std::string_view rest = name.substr(5);
  if (rest.empty()) return base;
  const auto offset = number(rest.substr(1));
  if (!offset || rest.front() != (from_below ? '+' : '-')) return std::nullopt;
  return base + (from_below ? *offset : -*offset);
}

// False: the time was over first.
bool ends_before(MonitorConnection& connection, Clock::time_point late) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(late - Clock::now());
    pollfd waiting{connection.descriptor(), POLLIN, 0};
    // A day at a time: more milliseconds may be no int.
    const auto most = std::clamp<std::int64_t>(left.count(), 0, 86'400'000);
    const int ready = ::poll(&waiting, 1, static_cast<int>(most));
    if (ready < 0 && errno != EINTR) throw system_error("poll", "", errno);
    if (ready > 0) {
      using Kind = MonitorConnection::Event::Kind;
      const Kind kind = connection.receive().kind;
      if (kind == Kind::exited || kind == Kind::gone) return true;
    }
    if (Clock::now() >= late) return false;
  }
}

}  // namespace

ContainerState state_after_monitor(Store& store, const Container& container) {
  using namespace std::chrono_literals;
  const auto late = Clock::now() + 10s;
  for (auto pause = 1ms;; pause = std::min(2 * pause, std::chrono::milliseconds(50))) {
    ContainerState state = store.containers().state(container.id);
    if (!state.alive() || Clock::now() > late) return state;
    std::this_thread::sleep_for(pause);
  }
}

int signal_number(std::string_view text) {
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (name.starts_with("SIG")) name.erase(0, 3);
  const auto valid = [](std::optional<int> signal) {
    return signal && *signal > 0 && *signal <= SIGRTMAX ? *signal : 0;
  };
  if (const auto read = number(text)) return valid(read);
  if (name.starts_with("RT")) return valid(real_time(name));
  for (int signal = 1; signal < SIGRTMIN; ++signal) {
    const char* const known = ::sigabbrev_np(signal);
    if (known != nullptr && name == known) return signal;
  }
  if (name == "IOT") return SIGABRT;
  if (name == "IO") return SIGIO;  // that has one name in the library, POLL
  if (name == "CLD") return SIGCHLD;
  return 0;
}

bool stop_container(Store& store, const Container& container, int signal, std::int64_t seconds) {
  const std::filesystem::path folder = store.containers().folder(container.id);
  std::optional<MonitorConnection> connection = MonitorConnection::open(folder);
  if (!connection) {
    container_state(folder);  // what a killed monitor may have left ends by that
    return false;
  }
  const auto began = Clock::now();
  if (seconds != 0 && !connection->signal(signal)) return true;
  // What stands still would not hear of it.
  if (seconds != 0 && container_state(folder).status == ContainerStatus::paused)
    connection->unpause();
  constexpr std::int64_t for_ever = 100LL * 365 * 86'400;
  const auto patience = std::chrono::seconds(seconds < 0 ? for_ever : std::min(seconds, for_ever));
  if (seconds != 0 && ends_before(*connection, began + patience)) return true;
  if (!connection->signal(SIGKILL)) return true;
  if (container_state(folder).status == ContainerStatus::paused) connection->unpause();
  connection->wait();
  return true;
}

}  // namespace slipway
