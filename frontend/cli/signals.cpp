#include "signals.hpp"

#include <executor/solve/solve.hpp>

#include <unistd.h>
#include <atomic>
#include <string_view>

namespace slipway {
namespace {

// Read by the handler that watches the time (build_time).
std::atomic<int> solves{0};
// Both are written and read by handlers: lock-free, as those have to be.
std::atomic<bool> cursor_is_hidden{false};
std::atomic<int> remembered{0};

constexpr int watched[2] = {SIGINT, SIGTERM};

void set(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = static_cast<int>(SA_RESTART);
  ::sigaction(signal, &action, nullptr);
}

void set_all(void (*handler)(int), struct sigaction (&before)[2]) {
  for (int i = 0; i < 2; ++i) {
    ::sigaction(watched[i], nullptr, &before[i]);
    set(watched[i], handler);
  }
}

void restore_all(const struct sigaction (&before)[2]) {
  for (int i = 0; i < 2; ++i) ::sigaction(watched[i], &before[i], nullptr);
}

// By the signal itself, so that a shell knows that its own loop is meant, too.
void end_program(int signal) {
  if (cursor_is_hidden) {
    constexpr std::string_view show = "\x1b[?25h\n";
    [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, show.data(), show.size());
  }
  set(signal, SIG_DFL);
  ::raise(signal);  // comes when this handler has returned
}

void on_signal(int signal) {
  set(signal, end_program);
  cancel_solve();
}

void on_signal_while_waiting(int signal) {
  set(signal, end_program);
  remembered = signal;
}

}  // namespace

CancelOnSignal::CancelOnSignal() {
  ++solves;
  set_all(on_signal, before_);
}

CancelOnSignal::~CancelOnSignal() {
  restore_all(before_);
  --solves;
}

bool solve_is_running() { return solves > 0; }

WaitUntilSignal::WaitUntilSignal() {
  remembered = 0;
  set_all(on_signal_while_waiting, before_);
}

WaitUntilSignal::~WaitUntilSignal() {
  restore_all(before_);
}

int WaitUntilSignal::signal() const {
  return remembered;
}

ShowCursorOnSignal::ShowCursorOnSignal() {
  set_all(end_program, before_);
}

ShowCursorOnSignal::~ShowCursorOnSignal() {
  restore_all(before_);
}

void ShowCursorOnSignal::hidden(bool is) {
  cursor_is_hidden = is;
}

}  // namespace slipway
