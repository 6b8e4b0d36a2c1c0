// A container connected with the streams of this program: what `run`, `start --attach` and `attach`
// do until it ends or is left.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/containers/monitor_connection.hpp>

#include <csignal>
#include <string>

namespace slipway {

struct AttachOptions {
  AttachedStreams streams;
  bool terminal = false;     // the container has one
  bool pass_signals = true;  // what this program gets of signals is the container's
  std::string detach_keys;   // as parse_detach_keys() gives them
};

struct AttachedEnd {
  enum class How {
    exited,
    left,         // by its keys
    input_ended,  // nothing else was connected
    impatient,    // asked three times to end, it did not
    gone,         // its monitor was killed, or the container is no more
  };
  How how = How::gone;
  int exit_code = 0;     // exited
  bool removes = false;  // exited: with --rm, nobody has taken the container over meanwhile
};

// One at a time in a process. A signal that is not the container's ends this program as ever, with
// the terminal as it was.
class AttachedClient {
 public:
  // From now on signals wait for follow(): those that come before the container has started are
  // its. Throws Error.
  explicit AttachedClient(AttachOptions options);
  ~AttachedClient();
  AttachedClient(const AttachedClient&) = delete;

  // Of the terminal in front of the user, if there is one.
  TerminalSize size() const;

  // Until the end. The connection is attached. Throws Error where a stream cannot be written.
  AttachedEnd follow(MonitorConnection& connection);

 private:
  const AttachOptions options_;
  sigset_t before_{};
  FileDescriptor signals_;  // signalfd
};

// Throws Error, docker's, where a terminal is asked for and standard input is none.
void require_terminal(bool terminal, bool input);

}  // namespace slipway
