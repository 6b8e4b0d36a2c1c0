// The terminal in front of the user, lent to the process of a step, or to a container.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/sandbox/process_runner.hpp>

#include <termios.h>

#include <functional>
#include <string>

namespace slipway {

// Standard input gives each key as it is typed, until the end of the scope.
class [[nodiscard]] RawKeys {
 public:
  // Requires a terminal there. Throws Error.
  RawKeys();
  ~RawKeys();
  RawKeys(const RawKeys&) = delete;

 private:
  termios before_{};
};

// Of a terminal; the usual one where it does not say.
TerminalSize terminal_size(int descriptor);

// One at a time in a process.
class UserTerminal {
 public:
  // Whether there is one: standard input, and standard output or error for what is printed.
  static bool is_there();

  // From now on a change of its size is noticed. Requires is_there(). Throws Error.
  UserTerminal();
  ~UserTerminal();
  UserTerminal(const UserTerminal&) = delete;

  TerminalSize size() const;

  // Called when the process has ended, from any thread: ends lend().
  void process_ended() noexcept;
  // Passes keys, output and sizes on until process_ended() was called, and restores the terminal.
  // Every key is the process's: Ctrl-C interrupts what runs there, and not slipway. Asks `stop` ten
  // times a second whether to kill the process. Throws Error; the process is killed then.
  void lend(RunningProcess& process, const std::function<bool()>& stop);

 private:
  void pass_keys(RunningProcess& process);
  bool pass_output(int terminal);

  int output_;
  FileDescriptor wake_;  // eventfd: ended, or resized
  std::string keys_;  // typed, and not yet taken by the process
  bool hung_up_ = false;
};

}  // namespace slipway
