#include "build_time.hpp"
#include "command.hpp"
#include "signals.hpp"

#include <ir/error.hpp>
#include <ir/quantities.hpp>

#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>

namespace slipway {
namespace {

constexpr auto often = std::chrono::milliseconds(100);
// How long a solve that has ended in time has for its own message.
constexpr int most_waits = 20;

// What the handler needs: set before the timer, and not changed while it runs.
std::string message;
int waits_left = 0;  // the handler's alone

void arm(std::chrono::nanoseconds until) {
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(until).count();
  itimerval timer{};
  timer.it_value.tv_sec = static_cast<time_t>(microseconds / 1'000'000);
  timer.it_value.tv_usec = static_cast<suseconds_t>(microseconds % 1'000'000);
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

void set_handler(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGALRM, &action, nullptr);
}

void on_alarm(int) {
  if (solve_is_running()) waits_left = most_waits;
  if (waits_left-- > 0) return arm(often);
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, message.data(), message.size());
  ::_exit(1);
}

std::optional<TimeLimit> time_limit(const std::string& flag, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto duration = read_duration(text);
  if (!duration || *duration <= 0) {
    throw Error(flag + " " + quoted(text) + " is no time").hint("for example 90s, 10m or 1h30m");
  }
  return TimeLimit{std::chrono::nanoseconds(*duration), flag + " " + text};
}

}  // namespace

void set_time_limits(const BuildRequest& request, SolveOptions& options) {
  options.timeout = time_limit("--timeout", request.timeout);
  options.step_timeout = time_limit("--step-timeout", request.step_timeout);
  options.began = request.began;
}

ProgramTimeout::ProgramTimeout(const std::optional<TimeLimit>& limit,
                               std::chrono::steady_clock::time_point began) {
  if (!limit) return;
  message = render(Error("the build took longer than " + limit->flag + " and was ended"),
                   use_color());
  set_handler(on_alarm);
  const std::chrono::nanoseconds left = began + limit->duration - std::chrono::steady_clock::now();
  arm(std::max<std::chrono::nanoseconds>(left, often));
}

ProgramTimeout::~ProgramTimeout() {
  if (message.empty()) return;
  arm(std::chrono::nanoseconds(0));
  set_handler(SIG_DFL);
}

}  // namespace slipway
