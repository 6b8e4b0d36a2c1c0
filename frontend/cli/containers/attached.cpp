#include "attached.hpp"

#include "detach_keys.hpp"
#include "outlet.hpp"

#include <executor/sandbox/user_terminal.hpp>
#include <ir/error.hpp>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t one_read = 4096;
constexpr int patience = 3;

// Not those that the kernel sends for mistakes of this program's, and none of job control's that a
// process in the background gets.
sigset_t passed_signals() {
  sigset_t set;
  ::sigfillset(&set);
  for (const int signal : {SIGCHLD, SIGPIPE, SIGURG, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT,
                           SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU, SIGXCPU, SIGXFSZ, SIGWINCH})
    ::sigdelset(&set, signal);
  return set;
}

sigset_t watched_signals(const AttachOptions& options) {
  sigset_t set;
  if (options.pass_signals) {
    set = passed_signals();
  } else {
    ::sigemptyset(&set);
    // They would leave the terminal as the container has it.
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) ::sigaddset(&set, signal);
  }
  if (options.terminal) ::sigaddset(&set, SIGWINCH);
  return set;
}

class Following {
 public:
  Following(const AttachOptions& options, int signals, MonitorConnection& connection)
      : options_(options),
        signals_(signals),
        connection_(connection),
        keys_(options.terminal ? options.detach_keys : std::string()),
        reads_(options.streams.input),
        takes_output_(options.streams.output || options.streams.error) {
    if (reads_ && options.terminal && ::isatty(STDIN_FILENO) == 1) raw_.emplace();
  }

  AttachedEnd run() {
    while (!end_) {
      std::array<pollfd, 5> waiting{};
      enum { monitor, signals, input, output, error };
      const bool printed = output_.empty() && error_.empty();
      // What has been printed is shown before more of it is taken: so a slow reader slows the
      // program.
      waiting[monitor] = {printed ? connection_.descriptor() : -1, POLLIN, 0};
      waiting[signals] = {signals_, POLLIN, 0};
      waiting[input] = {reads_ && typed_.empty() ? STDIN_FILENO : -1, POLLIN, 0};
      waiting[output] = {output_.empty() ? -1 : output_.descriptor(), POLLOUT, 0};
      waiting[error] = {error_.empty() ? -1 : error_.descriptor(), POLLOUT, 0};
      if (::poll(waiting.data(), waiting.size(), -1) < 0) {
        if (errno == EINTR) continue;
        throw system_error("poll", "", errno);
      }
      if (waiting[signals].revents != 0) take_signal();
      if (waiting[output].revents != 0) write(output_);
      if (waiting[error].revents != 0) write(error_);
      if (waiting[input].revents != 0) read_input();
      if (waiting[monitor].revents != 0) take_event();
      pass_input();
    }
    return *end_;
  }

 private:
  void end(AttachedEnd::How how, int exit_code = 0) {
    if (!end_) end_ = AttachedEnd{how, exit_code};
  }

  // As if nobody had held it back.
  void end_by(int signal) {
    raw_.reset();
    ::raise(signal);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    // The caller lets it be ignored, or somebody has stopped us and lets us go on.
    ::sigaddset(&blocked_, SIGPIPE);
    ::sigprocmask(SIG_BLOCK, &blocked_, nullptr);
    if (reads_ && options_.terminal && ::isatty(STDIN_FILENO) == 1) raw_.emplace();
  }

  void take_signal() {
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return;
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGWINCH && options_.terminal) {
      connection_.resize(
          terminal_size(::isatty(STDOUT_FILENO) == 1 ? STDOUT_FILENO : STDIN_FILENO));
    } else if (!options_.pass_signals) {
      end_by(signal);
    } else {
      // As docker's: whoever asks a third time wants to have the shell back.
      if ((signal == SIGINT || signal == SIGTERM) && ++asked_ == patience)
        return end(AttachedEnd::How::impatient);
      connection_.signal(signal);
    }
  }

  void write(Outlet& outlet) {
    if (outlet.write_some()) return;
    // The signal that the write has given is held back until now. Who ignores it goes on here.
    end_by(SIGPIPE);
    throw system_error("write", outlet.name(), EPIPE);
  }

  void read_input() {
    std::array<char, one_read> buffer;
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) {
      reads_ = false;
      ended_ = true;
      return;
    }
    typed_ = keys_.pass({buffer.data(), static_cast<std::size_t>(got)});
    if (keys_.complete()) end(AttachedEnd::How::left);
  }

  void pass_input() {
    if (!typed_.empty()) typed_.erase(0, connection_.send_input(typed_));
    if (!ended_ || !typed_.empty()) return;
    ended_ = false;
    connection_.end_input();
    if (!takes_output_) end(AttachedEnd::How::input_ended);
  }

  void take_event() {
    using Kind = MonitorConnection::Event::Kind;
    const MonitorConnection::Event event = connection_.receive();
    switch (event.kind) {
      case Kind::output:
        output_.put(event.bytes);
        break;
      case Kind::error:
        error_.put(event.bytes);
        break;
      case Kind::room:
        break;  // pass_input() is next
      case Kind::exited:
        end(AttachedEnd::How::exited, event.exit_code);
        end_->removes = event.removes;
        break;
      case Kind::gone:
        end(AttachedEnd::How::gone);
        break;
    }
  }

  const AttachOptions& options_;
  const int signals_;
  sigset_t blocked_ = watched_signals(options_);
  MonitorConnection& connection_;
  std::optional<RawKeys> raw_;
  DetachKeys keys_;
  bool reads_;  // standard input has more
  const bool takes_output_;
  bool ended_ = false;  // standard input has, and the container does not know yet
  std::string typed_;   // and not yet taken by the container
  Outlet output_{STDOUT_FILENO, "standard output"};
  Outlet error_{STDERR_FILENO, "standard error"};
  int asked_ = 0;
  std::optional<AttachedEnd> end_;
};

}  // namespace

AttachedClient::AttachedClient(AttachOptions options) : options_(std::move(options)) {
  sigset_t watched = watched_signals(options_);
  signals_ = FileDescriptor(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) throw system_error("signalfd", "", errno);
  // A reader that goes away must find the terminal restored: Following::write().
  ::sigaddset(&watched, SIGPIPE);
  ::sigprocmask(SIG_BLOCK, &watched, &before_);
}

AttachedClient::~AttachedClient() {
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

TerminalSize AttachedClient::size() const {
  return terminal_size(::isatty(STDOUT_FILENO) == 1 ? STDOUT_FILENO : STDIN_FILENO);
}

AttachedEnd AttachedClient::follow(MonitorConnection& connection) {
  return Following(options_, signals_.get(), connection).run();
}

void require_terminal(bool terminal, bool input) {
  if (!terminal || !input || ::isatty(STDIN_FILENO) == 1) return;
  throw Error("the input device is not a TTY")
      .hint("--tty is for people at a terminal; without it --interactive passes standard input on");
}

}  // namespace slipway
