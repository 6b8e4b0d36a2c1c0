// Starting processes on the builder's own memory (clone(2) with CLONE_VM | CLONE_VFORK): what that
// takes whichever program it is to become, and running another program of this machine.
#pragma once

#include <cache/file_descriptor.hpp>

#include <signal.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

// Both ends are closed by an exec. Throws Error.
Pipe make_pipe();
// Throws Error.
void never_block(const FileDescriptor& descriptor);

// While it lives no handler of the builder's runs in this thread, and none on memory that is lent.
class SignalsBlocked {
 public:
  SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  ~SignalsBlocked();

 private:
  sigset_t before_;
};

// The file of a program on the PATH; nothing if it is not installed. Never one of the current
// directory.
std::optional<std::string> find_program(std::string_view name);
// The same on a path of another's, as PATH is written.
std::optional<std::string> find_program(std::string_view name, std::string_view search_path);

// A program of this machine with a session of its own, so that it asks nothing at the terminal. It
// has nothing of the builder's but what it is given, and gets no more rights by being executed.
class ChildProcess {
 public:
  struct Call {
    std::string program;                 // its file
    std::vector<std::string> arguments;  // its name first
    std::vector<std::string> environment;
    std::vector<int> descriptors;  // what it is to have as 0, 1, 2 and so on
  };

  // Killed when the thread that calls this ends, however that comes. Throws Error.
  explicit ChildProcess(Call call);
  ChildProcess(const ChildProcess&) = delete;
  // Kills it and what it started, and waits for it.
  ~ChildProcess();

  // To it and to all that it started and that stayed with it.
  void signal(int number) noexcept;
  int descriptor() const { return process_.get(); }  // a pidfd: readable when it has ended
  // The exit status as a shell has it.
  int wait() noexcept;

 private:
  pid_t pid_ = -1;  // -1: waited for
  FileDescriptor process_;
};

// A program that goes on without this process, which is nobody's to wait for: its parent is who
// takes orphans. SIGPIPE is ignored in it, because nobody may be left who reads what it says.
// Throws Error.
void start_detached(ChildProcess::Call call);

}  // namespace slipway
