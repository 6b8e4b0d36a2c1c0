// Ctrl-C and SIGTERM while a build runs.
#pragma once

#include <csignal>

namespace slipway {

// For its life, the first signal ends the running solve in order (every process killed, everything
// unmounted, what was finished kept); a second one ends the program at once.
class [[nodiscard]] CancelOnSignal {
 public:
  CancelOnSignal();
  ~CancelOnSignal();
  CancelOnSignal(const CancelOnSignal&) = delete;

 private:
  struct sigaction before_[2];  // of SIGINT and SIGTERM
};

// Whether one of these lives.
bool solve_is_running();

// For its life, the first signal is only remembered, by who waits for what nobody needs; a second
// one ends the program at once.
class [[nodiscard]] WaitUntilSignal {
 public:
  WaitUntilSignal();
  ~WaitUntilSignal();
  WaitUntilSignal(const WaitUntilSignal&) = delete;

  // The signal; 0: there was none.
  int signal() const;

 private:
  struct sigaction before_[2];
};

// For its life, a signal that ends the program at once shows the terminal's cursor again, if it is
// hidden then. The others live within it.
class [[nodiscard]] ShowCursorOnSignal {
 public:
  ShowCursorOnSignal();
  ~ShowCursorOnSignal();
  ShowCursorOnSignal(const ShowCursorOnSignal&) = delete;

  static void hidden(bool is);

 private:
  struct sigaction before_[2];
};

}  // namespace slipway
