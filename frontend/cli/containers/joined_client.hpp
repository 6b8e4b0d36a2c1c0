// A process in a container, connected with the streams of this program: what `exec` does until it
// ends or is left.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/containers/join.hpp>

#include <csignal>
#include <string>

namespace slipway {

struct JoinedOptions {
  bool input = false;
  bool terminal = false;
  std::string detach_keys;  // as parse_detach_keys() gives them
};

// One at a time in a process. None of the program's own streams is the container's: it has pipes or
// a terminal, and what goes through them is passed on.
class JoinedClient {
 public:
  // From now on signals wait for follow(): those that come before are the process's. Throws Error.
  explicit JoinedClient(JoinedOptions options);
  ~JoinedClient();
  JoinedClient(const JoinedClient&) = delete;

  // The streams that the process is to be given.
  void add_streams(ExecRequest& request) const;

  // Until the end. Gives the exit status of this program: 0 where the process was left by its keys,
  // else that of the process. Throws Error where a stream cannot be written.
  int follow(JoinedProcess& process);

 private:
  const JoinedOptions options_;
  sigset_t before_{};
  FileDescriptor signals_;  // signalfd
  // The process's ends, and the other ones; none with a terminal.
  FileDescriptor input_, output_, error_;
  FileDescriptor input_end_, output_end_, error_end_;
};

}  // namespace slipway
