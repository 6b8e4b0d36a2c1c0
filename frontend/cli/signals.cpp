#include "signals.hpp"

#include <executor/solve/solve.hpp>

#include <atomic>
#include <csignal>

namespace slipway {
namespace {

// Read by the handler that watches the time (build_time).
std::atomic<int> solves{0};

void on_signal(int) { cancel_solve(); }

void set(int signal, void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

CancelOnSignal::CancelOnSignal() {
  ++solves;
  // Reset by its delivery: the second one has its usual effect.
  set(SIGINT, on_signal, static_cast<int>(SA_RESETHAND) | SA_RESTART);
  set(SIGTERM, on_signal, static_cast<int>(SA_RESETHAND) | SA_RESTART);
}

CancelOnSignal::~CancelOnSignal() {
  set(SIGINT, SIG_DFL, 0);
  set(SIGTERM, SIG_DFL, 0);
  --solves;
}

bool solve_is_running() { return solves > 0; }

}  // namespace slipway
