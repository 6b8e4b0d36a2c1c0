#include "at_terminal.hpp"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace slipway {

AtTerminal::AtTerminal(const std::vector<std::string>& words) {
  const struct winsize size { 40, 120, 0, 0 };
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "forkpty");
  if (pid_ == 0) {
    ::setenv("TERM", "vt220", 1);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
}

AtTerminal::~AtTerminal() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(terminal_);
}

void AtTerminal::type(std::string_view keys) {
  if (::write(terminal_, keys.data(), keys.size()) != static_cast<ssize_t>(keys.size())) {
    throw std::system_error(errno, std::generic_category(), "write to the terminal");
  }
}

void AtTerminal::resize(unsigned short rows, unsigned short columns) {
  const struct winsize size { rows, columns, 0, 0 };
  ::ioctl(terminal_, TIOCSWINSZ, &size);
}

void AtTerminal::signal(int number) {
  ::kill(pid_, number);
}

void AtTerminal::read_some(int milliseconds) {
  for (;; milliseconds = 0) {
    pollfd waiting{terminal_, POLLIN, 0};
    if (::poll(&waiting, 1, milliseconds) <= 0) return;
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(terminal_, buffer.data(), buffer.size());
    if (got <= 0) return;
    all_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

bool AtTerminal::shows(std::string_view text, std::string_view keys) {
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  auto next = std::chrono::steady_clock::now();
  for (;;) {
    // Looked at before the output is: what it showed last is there then.
    const bool ended = has_ended();
    read_some(ended ? 0 : 50);
    if (const std::size_t found = all_.find(text, seen_); found != std::string::npos) {
      seen_ = found + text.size();
      return true;
    }
    if (ended || std::chrono::steady_clock::now() > late) return false;
    if (keys.empty() || std::chrono::steady_clock::now() < next) continue;
    type(keys);
    next += std::chrono::seconds(1);
  }
}

bool AtTerminal::has_ended() const {
  siginfo_t how{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &how, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         how.si_pid == pid_;
}

bool AtTerminal::is_cooked() const {
  termios now{};
  ::tcgetattr(terminal_, &now);
  return (now.c_lflag & ICANON) != 0 && (now.c_lflag & ECHO) != 0;
}

int AtTerminal::wait() {
  int status = 0;
  // Nobody may be blocked by a terminal that is full.
  while (::waitpid(pid_, &status, WNOHANG) == 0) read_some(50);
  pid_ = -1;
  read_some(0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace slipway
