// Ctrl-C and SIGTERM while a build runs.
#pragma once

namespace slipway {

// For its life, the first signal ends the running solve in order (every process killed, everything
// unmounted, what was finished kept); a second one ends the program at once.
class [[nodiscard]] CancelOnSignal {
 public:
  CancelOnSignal();
  ~CancelOnSignal();
  CancelOnSignal(const CancelOnSignal&) = delete;
};

// Whether one of these lives.
bool solve_is_running();

}  // namespace slipway
