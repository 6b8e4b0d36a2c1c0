#include <executor/sandbox/user_terminal.hpp>

#include <executor/sandbox/terminal.hpp>
#include <ir/error.hpp>

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slipway {
namespace {

constexpr int often = 100;  // milliseconds
constexpr std::size_t most_keys = 64 << 10;

// What the signal handler, on any thread, and process_ended() leave for lend().
std::atomic<int> wake_descriptor{-1};
std::atomic<bool> resized{false};
std::atomic<bool> ended{false};

void wake() noexcept {
  const std::uint64_t one = 1;
  // An eventfd takes it unless it is full, and then it wakes anyway.
  if (::write(wake_descriptor, &one, sizeof one) < 0) return;
}

void on_resize(int) {
  const int error = errno;
  resized = true;
  wake();
  errno = error;
}

void on_size_changes(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGWINCH, &action, nullptr);
}

}  // namespace

RawKeys::RawKeys() {
  if (::tcgetattr(STDIN_FILENO, &before_) != 0) {
    throw system_error("tcgetattr", "standard input", errno);
  }
  termios raw = before_;
  ::cfmakeraw(&raw);
  if (::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0) {
    throw system_error("tcsetattr", "standard input", errno);
  }
}

RawKeys::~RawKeys() {
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

TerminalSize terminal_size(int descriptor) {
  struct winsize told {};
  if (::ioctl(descriptor, TIOCGWINSZ, &told) != 0 || told.ws_row == 0 || told.ws_col == 0) return {};
  return {told.ws_row, told.ws_col};
}

bool UserTerminal::is_there() {
  return ::isatty(STDIN_FILENO) == 1 &&
         (::isatty(STDOUT_FILENO) == 1 || ::isatty(STDERR_FILENO) == 1);
}

UserTerminal::UserTerminal()
    : output_(::isatty(STDOUT_FILENO) == 1 ? STDOUT_FILENO : STDERR_FILENO),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) throw system_error("eventfd", "", errno);
  wake_descriptor = wake_.get();
  resized = false;
  ended = false;
  on_size_changes(on_resize);
}

UserTerminal::~UserTerminal() {
  on_size_changes(SIG_DFL);
}

TerminalSize UserTerminal::size() const {
  return terminal_size(output_);
}

void UserTerminal::process_ended() noexcept {
  ended = true;
  wake();
}

void UserTerminal::pass_keys(RunningProcess& process) {
  if (keys_.empty()) return;
  const ssize_t taken = ::write(process.terminal(), keys_.data(), keys_.size());
  if (taken > 0) keys_.erase(0, static_cast<std::size_t>(taken));
  if (taken < 0 && errno != EAGAIN && errno != EINTR) keys_.clear();
}

// False: there is no more for now.
bool UserTerminal::pass_output(int terminal) {
  std::array<char, 16 << 10> buffer;
  const ssize_t got = ::read(terminal, buffer.data(), buffer.size());
  if (got < 0 && errno == EINTR) return true;
  // EIO: nobody has the other end open. Another program may open it again, so it is no end.
  if (got <= 0) return false;
  write_all(output_, std::string_view(buffer.data(), static_cast<std::size_t>(got)), "terminal");
  return true;
}

void UserTerminal::lend(RunningProcess& process, const std::function<bool()>& stop) {
  const RawKeys raw;
  const int terminal = process.terminal();
  bool silent = false;  // the process's end is closed: polled for output it would only say so
  try {
    while (!ended) {
      std::array<pollfd, 3> waiting{};
      waiting[0] = {wake_.get(), POLLIN, 0};
      waiting[1] = {hung_up_ || keys_.size() >= most_keys ? -1 : STDIN_FILENO, POLLIN, 0};
      waiting[2] = {silent ? -1 : terminal,
                    static_cast<short>(keys_.empty() ? POLLIN : POLLIN | POLLOUT), 0};
      ::poll(waiting.data(), waiting.size(), often);
      silent = false;
      if ((waiting[0].revents & POLLIN) != 0) {
        std::uint64_t count = 0;
        if (::read(wake_.get(), &count, sizeof count) < 0) count = 0;
      }
      if (resized.exchange(false)) set_size(terminal, size());
      if (waiting[1].revents != 0) {
        std::array<char, 4096> buffer;
        const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (got > 0) keys_.append(buffer.data(), static_cast<std::size_t>(got));
        hung_up_ = got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
        // Nobody is in front of it any more.
        if (hung_up_) process.kill();
      }
      pass_keys(process);
      if ((waiting[2].revents & (POLLIN | POLLHUP)) != 0) {
        silent = !pass_output(terminal) && (waiting[2].revents & POLLHUP) != 0;
      }
      if (stop()) process.kill();
    }
    // All who wrote are dead.
    while (pass_output(terminal)) continue;
  } catch (...) {
    process.kill();
    throw;
  }
}

}  // namespace slipway
