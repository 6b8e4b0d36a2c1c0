#include "ask.hpp"

#include "print.hpp"

#include <ir/error.hpp>

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace slipway {
namespace {

constexpr std::size_t longest_answer = 64 << 10;

// A byte at a time: what follows the line is somebody else's to read.
std::optional<std::string> read_line() {
  std::string line;
  for (;;) {
    char c = 0;
    const ssize_t count = ::read(STDIN_FILENO, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error("read", "standard input", errno);
    if (count == 0) return line.empty() ? std::nullopt : std::optional(line);
    if (c == '\n') return line;
    if (line.size() == longest_answer) throw Error("the answer is too long");
    line += c;
  }
}

constexpr std::array signals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
// Written before the handlers are installed, and only read by them.
termios usual;

// Only calls that a handler may make.
void restore_and_go(int signal) {
  ::tcsetattr(STDIN_FILENO, TCSANOW, &usual);
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(signal, &standard, nullptr);
  ::raise(signal);
}

// A terminal that does not show what is typed, for the length of a scope.
class [[nodiscard]] SilentTerminal {
 public:
  SilentTerminal() {
    if (::tcgetattr(STDIN_FILENO, &usual) != 0)
      throw Error("a password cannot be asked for: standard input is no terminal")
          .hint("give it by --password-stdin");
    struct sigaction action {};
    action.sa_handler = restore_and_go;
    for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals[i], &action, &before_[i]);
    termios silent = usual;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &silent);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;
  ~SilentTerminal() {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &usual);
    for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals[i], &before_[i], nullptr);
  }

 private:
  std::array<struct sigaction, signals.size()> before_{};
};

void put_question(std::string_view question) {
  print(question);
  std::fflush(stdout);
}

}  // namespace

std::optional<std::string> ask(std::string_view question) {
  put_question(question);
  std::optional<std::string> line = read_line();
  if (!line) return line;
  static constexpr std::string_view blanks = " \t\r";
  const std::size_t first = std::min(line->find_first_not_of(blanks), line->size());
  return line->substr(first, line->find_last_not_of(blanks) + 1 - first);
}

bool confirmed(std::string_view warning) {
  print("WARNING! " + std::string(warning) + "\n");
  const std::string answer = ask("Are you sure you want to continue? [y/N] ").value_or("");
  return answer == "y" || answer == "Y";
}

std::optional<std::string> ask_secret(std::string_view question) {
  SilentTerminal silent;
  put_question(question);
  std::optional<std::string> line = read_line();
  // The line break that was typed was not shown.
  put_question("\n");
  return line;
}

}  // namespace slipway
