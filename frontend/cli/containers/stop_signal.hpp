// How containers are asked to end: what `stop` and `restart` have in common.
#pragma once

#include <cache/containers/container.hpp>

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace slipway {

struct StopFlags {
  std::string signal;   // empty: the container's
  std::string seconds;  // the same
};

void declare_stop_flags(CLI::App& app, StopFlags& flags);
// Throws Error for a signal that is none, or seconds that are no number.
void require_stop_flags(const StopFlags& flags);

struct Stopping {
  int signal = 0;
  std::int64_t seconds = 0;  // -1: for ever
};
Stopping stopping(const StopFlags& flags, const ContainerConfig& config);

// Throws Error where it is none. `flag` is for the message.
int required_signal(const std::string& text, const std::string& flag);

}  // namespace slipway
