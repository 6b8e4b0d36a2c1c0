// A second process that runs a piece of a test.
#pragma once

#include <doctest/doctest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <string_view>
#include <utility>

class ChildProcess {
 public:
  // `body` runs in a fork: it must not use what the parent opened. Its exit status is 0 if it
  // returns true.
  template <class Body>
  explicit ChildProcess(Body body) {
    REQUIRE(::pipe(pipe_) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ > 0) {
      ::close(pipe_[1]);
      return;
    }
    bool good = false;
    try {
      good = body(*this);
    } catch (const std::exception& error) {
      const std::string_view text = error.what();
      (void)!::write(STDERR_FILENO, text.data(), text.size());
    }
    ::_exit(good ? 0 : 1);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() {
    if (pid_ > 0) kill();
    ::close(pipe_[0]);
  }

  // For the child: lets the parent go on.
  void ready() const { (void)!::write(pipe_[1], "x", 1); }
  // For the parent: returns when the child called ready(), or has ended.
  void wait_until_ready() const {
    char byte = 0;
    (void)!::read(pipe_[0], &byte, 1);
  }
  bool succeeded() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  // It stands still, as a job that somebody suspended; kill() ends it all the same.
  void suspend() const { ::kill(pid_, SIGSTOP); }
  void kill() {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  int pipe_[2] = {-1, -1};
  pid_t pid_ = -1;
};
