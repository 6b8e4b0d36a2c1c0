#include "stop_signal.hpp"

#include <executor/containers/remove.hpp>
#include <ir/error.hpp>

#include <signal.h>
#include <CLI/CLI.hpp>

#include <charconv>

namespace slipway {
namespace {

constexpr std::int64_t usual_seconds = 10;

std::int64_t read_seconds(const std::string& text) {
  std::int64_t seconds = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, seconds);
  if (read.ec == std::errc() && read.ptr == end && seconds >= -1) return seconds;
  throw Error("--timeout " + quoted(text) + " is no number of seconds")
      .hint("for example 30; 0 kills at once, -1 waits for ever");
}

}  // namespace

void declare_stop_flags(CLI::App& app, StopFlags& flags) {
  app.add_option("-s,--signal", flags.signal, "what is sent (default: the container's, or TERM)")
      ->type_name("SIGNAL");
  app.add_option(
         "-t,--timeout,--time", flags.seconds,
         "how long to wait before it is killed (default: the container's, or 10; -1: for ever)")
      ->type_name("SECONDS");
}

void require_stop_flags(const StopFlags& flags) {
  if (!flags.signal.empty()) required_signal(flags.signal, "--signal");
  if (!flags.seconds.empty()) read_seconds(flags.seconds);
}

Stopping stopping(const StopFlags& flags, const ContainerConfig& config) {
  Stopping how;
  const std::string& signal = flags.signal.empty() ? config.stop_signal : flags.signal;
  how.signal = signal.empty() ? SIGTERM : signal_number(signal);
  // An image may name what is none on this machine.
  if (how.signal == 0) how.signal = SIGTERM;
  how.seconds = flags.seconds.empty() ? config.stop_timeout.value_or(usual_seconds)
                                      : read_seconds(flags.seconds);
  return how;
}

int required_signal(const std::string& text, const std::string& flag) {
  if (const int number = signal_number(text); number != 0) return number;
  throw Error(flag + " " + quoted(text) + " is no signal").hint("for example TERM, SIGHUP or 9");
}

}  // namespace slipway
