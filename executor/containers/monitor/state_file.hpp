// The state file of a container (cache/containers/state.hpp), as its monitor writes it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slipway::monitor {

struct State {
  enum class Status : std::uint8_t { running, paused, exited } status = Status::running;
  const char* boot = "";     // "boot ID\n"
  const char* network = "";  // lines that hold while it runs
  long monitor = 0;          // process numbers, and when they were started
  std::uint64_t monitor_start = 0;
  long process = 0;
  std::uint64_t process_start = 0;
  std::uint64_t started = 0;  // nanoseconds since the epoch
  std::uint64_t finished = 0;
  int exit_code = 0;
  bool out_of_memory = false;
};

// Its lines but those of `network`, with a zero byte behind; gives their size. `boot` is short.
std::size_t state_text(const State& state, char* to, std::size_t size);

// Aside and renamed. A disk that is full leaves what was said before.
void write_state(int folder, const State& state);

// Field 22 of /proc/PID/stat. `process`: "self", or its number.
std::uint64_t start_of(const char* process);

}  // namespace slipway::monitor
