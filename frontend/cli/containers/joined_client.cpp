#include "joined_client.hpp"

#include "detach_keys.hpp"
#include "outlet.hpp"

#include <executor/sandbox/terminal.hpp>
#include <executor/sandbox/user_terminal.hpp>
#include <executor/spawn.hpp>
#include <ir/error.hpp>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t one_read = 4096;
constexpr int patience = 3;

// Not those that the kernel sends for mistakes of this program's, and none of job control's.
sigset_t watched_signals(bool terminal) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT})
    ::sigaddset(&set, signal);
  if (terminal) ::sigaddset(&set, SIGWINCH);
  return set;
}

int size_of_terminal() {
  return ::isatty(STDOUT_FILENO) == 1 ? STDOUT_FILENO : STDIN_FILENO;
}

class Following {
 public:
  Following(const JoinedOptions& options, int signals, JoinedProcess& process,
            FileDescriptor& input, int output, int error)
      : options_(options),
        signals_(signals),
        process_(process),
        input_(input),
        sources_{{{output, &out_}, {error, &err_}}},
        keys_(options.terminal ? options.detach_keys : std::string()),
        reads_(options.input) {
    if (options.terminal) sources_ = {{{process.terminal(), &out_}, {-1, &err_}}};
    if (reads_ && options.terminal && ::isatty(STDIN_FILENO) == 1) raw_.emplace();
  }

  // Nothing: it was left.
  std::optional<int> run() {
    for (;;) {
      std::array<pollfd, 8> waiting{};
      enum { process, signals, keys, input, first_source, first_outlet = first_source + 2 };
      waiting[process] = {process_.descriptor(), POLLIN, 0};
      waiting[signals] = {signals_, POLLIN, 0};
      waiting[keys] = {reads_ && typed_.empty() ? STDIN_FILENO : -1, POLLIN, 0};
      waiting[input] = {typed_.empty() ? -1 : input_descriptor(), POLLOUT, 0};
      for (std::size_t i = 0; i < sources_.size(); ++i) {
        // What has been printed is shown before more of it is taken.
        const Outlet& outlet = *sources_[i].second;
        waiting[first_source + i] = {outlet.empty() ? sources_[i].first : -1, POLLIN, 0};
        waiting[first_outlet + i] = {outlet.empty() ? -1 : outlet.descriptor(), POLLOUT, 0};
      }
      if (::poll(waiting.data(), waiting.size(), -1) < 0) {
        if (errno == EINTR) continue;
        throw system_error("poll", "", errno);
      }
      if (waiting[signals].revents != 0) take_signal();
      for (std::size_t i = 0; i < sources_.size(); ++i) {
        if (waiting[first_outlet + i].revents != 0) write(*sources_[i].second);
        if (waiting[first_source + i].revents != 0) read_source(i);
      }
      if (waiting[keys].revents != 0 && read_input()) {
        process_.let_go();
        return std::nullopt;
      }
      if (!typed_.empty()) pass_input();
      if (waiting[process].revents == 0) continue;
      // All that it has printed; others who hold the streams open are none of its end.
      for (std::size_t i = 0; i < sources_.size(); ++i) {
        while (read_source(i)) flush(*sources_[i].second);
        flush(*sources_[i].second);
      }
      return process_.wait();
    }
  }

 private:
  int input_descriptor() const { return options_.terminal ? process_.terminal() : input_.get(); }

  void take_signal() {
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return;
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGWINCH) return set_size(process_.terminal(), terminal_size(size_of_terminal()));
    // Who asks a third time wants to have the shell back.
    const bool asks = signal == SIGINT || signal == SIGTERM;
    process_.signal(asks && ++asked_ >= patience ? SIGKILL : signal);
  }

  void write(Outlet& outlet) {
    if (outlet.write_some()) return;
    throw system_error("write", outlet.name(), EPIPE);
  }

  void flush(Outlet& outlet) {
    while (!outlet.empty()) {
      pollfd waiting = {outlet.descriptor(), POLLOUT, 0};
      ::poll(&waiting, 1, -1);
      write(outlet);
    }
  }

  // False: there is nothing for now.
  bool read_source(std::size_t which) {
    auto& [descriptor, outlet] = sources_[which];
    if (descriptor < 0) return false;
    std::array<char, one_read> buffer;
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got > 0) {
      outlet->put({buffer.data(), static_cast<std::size_t>(got)});
      return true;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    descriptor = -1;  // everybody has closed it; a terminal says EIO
    return false;
  }

  // True: the keys that leave it were typed.
  bool read_input() {
    std::array<char, one_read> buffer;
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return false;
    if (got <= 0) {
      reads_ = false;
      // With a terminal the process hears of it by the key for that, as docker's.
      if (options_.terminal) {
        typed_.assign(1, '\x04');
      } else {
        input_ = FileDescriptor();
      }
      return false;
    }
    typed_ = keys_.pass({buffer.data(), static_cast<std::size_t>(got)});
    return keys_.complete();
  }

  void pass_input() {
    const ssize_t taken = ::write(input_descriptor(), typed_.data(), typed_.size());
    if (taken > 0) typed_.erase(0, static_cast<std::size_t>(taken));
    if (taken >= 0 || errno == EAGAIN || errno == EINTR) return;
    // Nobody reads it any more.
    typed_.clear();
    reads_ = false;
    if (!options_.terminal) input_ = FileDescriptor();
  }

  const JoinedOptions& options_;
  const int signals_;
  JoinedProcess& process_;
  FileDescriptor& input_;
  Outlet out_{STDOUT_FILENO, "standard output"};
  Outlet err_{STDERR_FILENO, "standard error"};
  std::array<std::pair<int, Outlet*>, 2> sources_;
  std::optional<RawKeys> raw_;
  DetachKeys keys_;
  bool reads_;         // standard input has more
  std::string typed_;  // and not yet taken
  int asked_ = 0;
};

}  // namespace

JoinedClient::JoinedClient(JoinedOptions options) : options_(std::move(options)) {
  sigset_t watched = watched_signals(options_.terminal);
  signals_ = FileDescriptor(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) throw system_error("signalfd", "", errno);
  // A reader that goes away must find the process killed, and the terminal restored.
  ::sigaddset(&watched, SIGPIPE);
  ::sigprocmask(SIG_BLOCK, &watched, &before_);
  if (options_.terminal) return;
  const auto connect = [](FileDescriptor& inner, FileDescriptor& outer, bool to_process) {
    Pipe pipe = make_pipe();
    never_block(to_process ? pipe.write : pipe.read);
    inner = std::move(to_process ? pipe.read : pipe.write);
    outer = std::move(to_process ? pipe.write : pipe.read);
  };
  if (options_.input) connect(input_, input_end_, true);
  connect(output_, output_end_, false);
  connect(error_, error_end_, false);
}

JoinedClient::~JoinedClient() {
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

void JoinedClient::add_streams(ExecRequest& request) const {
  request.terminal = options_.terminal;
  if (options_.terminal) request.size = terminal_size(size_of_terminal());
  request.input = input_.get();
  request.output = output_.get();
  request.error = error_.get();
}

int JoinedClient::follow(JoinedProcess& process) {
  // Now the process alone has them: so their end is seen.
  for (FileDescriptor* own : {&input_, &output_, &error_}) *own = FileDescriptor();
  return Following(options_, signals_.get(), process, input_end_, output_end_.get(),
                   error_end_.get())
      .run()
      .value_or(0);
}

}  // namespace slipway
