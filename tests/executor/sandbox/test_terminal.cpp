// A step with a terminal: one of its own /dev/pts, with a size, keys that interrupt, and an end.
#include "executor/sandbox/real_runner.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>

using namespace slipway;

namespace {

// A step's process from the other end of its terminal.
class AtTerminal {
 public:
  AtTerminal(ProcessRunner& runner, TestStep& step) {
    step.request.operation = &step.operation;
    step.request.terminal = TerminalSize{33, 111};
    process_ = runner.start(
        step.request, [](OutputStream, std::string_view) { FAIL("output beside the terminal"); },
        [this](RunResult result) {
          const std::lock_guard lock(mutex_);
          status_ = result.exit_code;
          changed_.notify_all();
        });
  }

  void type(std::string_view keys) {
    REQUIRE(::write(process_->terminal(), keys.data(), keys.size()) ==
            static_cast<ssize_t>(keys.size()));
  }
  void resize(unsigned short rows, unsigned short columns) {
    struct winsize size {
      rows, columns, 0, 0
    };
    REQUIRE(::ioctl(process_->terminal(), TIOCSWINSZ, &size) == 0);
  }
  // What has been shown, as soon as `text` is in it; all of it where it never comes. `keys` are
  // typed again and again until then: a program may not be ready for the first.
  std::string until(std::string_view text, std::string_view keys = {}) {
    const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    auto next = std::chrono::steady_clock::now();
    while (shown_.find(text) == std::string::npos && std::chrono::steady_clock::now() < late) {
      if (!keys.empty() && std::chrono::steady_clock::now() >= next) {
        type(keys);
        next += std::chrono::seconds(1);
      }
      pollfd waiting{process_->terminal(), POLLIN, 0};
      ::poll(&waiting, 1, 100);
      std::array<char, 4096> buffer;
      const ssize_t got = ::read(process_->terminal(), buffer.data(), buffer.size());
      if (got > 0) shown_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return shown_;
  }
  int status() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [this] { return status_.has_value(); });
    return status_.value_or(-1);
  }
  void kill() { process_->kill(); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<int> status_;
  std::string shown_;
  std::unique_ptr<RunningProcess> process_;  // first to go: it calls back
};

bool has(const std::string& text, std::string_view part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a step's terminal is in its own /dev/pts, has a size and belongs to the step's user") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step(
      "busybox tty; busybox stty size; stat -c owner=%u $(busybox tty); test -t 0 && test -t 1 && "
      "test -t 2 && echo all three; ls /dev/pts; exit 4");
  step.with_busybox();
  step.operation.user = "builder";
  AtTerminal terminal(*runner, step);
  CHECK(terminal.status() == 4);
  const std::string shown = terminal.until("ptmx");
  has(shown, "/dev/pts/0");
  has(shown, "33 111");
  // With one id there is no other owner to have.
  has(shown, rights.space.ids == Ids::own ? "owner=0" : "owner=1000");
  has(shown, "all three");
}

TEST_CASE("keys arrive, Ctrl-C interrupts, and a new size is told") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("exec /bin/sh");
  step.with_busybox();
  AtTerminal terminal(*runner, step);
  terminal.type("echo $((40 + 2))\n");
  has(terminal.until("42\r\n"), "42\r\n");

  terminal.type("echo armed-$((2+2)); sleep 1000\n");
  has(terminal.until("armed-4"), "armed-4");
  has(terminal.until("^C\r\n/ # ", "\x03"), "^C\r\n/ # ");

  terminal.resize(50, 132);
  terminal.type("busybox stty size\n");
  has(terminal.until("50 132"), "50 132");

  terminal.type("exit 9\n");
  CHECK(terminal.status() == 9);
}

TEST_CASE("a step with a terminal dies with all that it started") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("setsid sleep 1000 & echo $((7 * 6)); sleep 1000");
  step.with_busybox();
  AtTerminal terminal(*runner, step);
  has(terminal.until("42"), "42");
  terminal.kill();
  CHECK(terminal.status() == 128 + 9);
}
