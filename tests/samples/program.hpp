// Other programs, run the way a person at a shell runs them.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace slipway {

// What a program left behind.
struct Finished {
  int status = 0;  // its exit status; 128 + N when signal N ended it, as a shell has it
  std::string out;
  std::string err;
};

// A program that runs until it is waited for. Its output is kept in memory, so it never blocks on
// us; standard input is /dev/null.
class [[nodiscard]] Program {
 public:
  // `words` are its name, looked up on the PATH, and its arguments; `environment` is added to ours.
  // Throws std::system_error when it cannot be started.
  explicit Program(const std::vector<std::string>& words,
                   const std::map<std::string, std::string>& environment = {});
  Program(Program&& other) noexcept;
  Program& operator=(Program&&) = delete;
  ~Program();  // ends it by SIGKILL when nobody waited

  pid_t id() const { return pid_; }
  void kill(int signal);
  bool running();
  Finished wait();

 private:
  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
};

Finished run(const std::vector<std::string>& words,
             const std::map<std::string, std::string>& environment = {});

// For what must work before a test can say anything: the output, or a failed test with the error.
std::string output_of(const std::vector<std::string>& words);

}  // namespace slipway
