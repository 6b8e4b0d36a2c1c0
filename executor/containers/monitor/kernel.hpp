// The few things of the kernel that every part of the monitor needs.
#pragma once

#include <executor/sandbox/init/system_call.hpp>
#include <executor/sandbox/init/text.hpp>

#include <cstddef>
#include <cstdint>

namespace slipway::monitor {

using init::address;
using init::read_number;
using init::system_call;
using init::Text;

constexpr long eintr = -4;
constexpr long eagain = -11;
constexpr long einval = -22;

struct Time {
  std::int64_t seconds;
  std::int64_t nanoseconds;
  std::uint64_t all() const {
    return static_cast<std::uint64_t>(seconds) * 1'000'000'000 +
           static_cast<std::uint64_t>(nanoseconds);
  }
};

// `clock`: CLOCK_REALTIME 0, CLOCK_MONOTONIC 1.
inline Time time_of(int clock) {
  Time time = {};
  system_call(SYS_clock_gettime, clock, address(&time));
  return time;
}

inline void sleep_for(std::int64_t nanoseconds) {
  const Time time = {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  system_call(SYS_nanosleep, address(&time), 0);
}

inline void close_file(int& descriptor) {
  if (descriptor >= 0) system_call(SYS_close, descriptor);
  descriptor = -1;
}

// The text of a small file; empty where there is none. `to` ends with a zero byte.
inline void read_file(int directory, const char* name, char* to, std::size_t size) {
  to[0] = 0;
  const long file = system_call(SYS_openat, directory, address(name), 02000000 /* O_CLOEXEC */);
  if (file < 0) return;
  const long got = system_call(SYS_read, file, address(to), static_cast<long>(size) - 1);
  to[got > 0 ? got : 0] = 0;
  system_call(SYS_close, file);
}

inline bool write_file(int directory, const char* name, const char* text) {
  const long file = system_call(SYS_openat, directory, address(name), 02000001 /* O_WRONLY */);
  if (file < 0) return false;
  const long put =
      system_call(SYS_write, file, address(text), static_cast<long>(init::length(text)));
  system_call(SYS_close, file);
  return put >= 0;
}

}  // namespace slipway::monitor
