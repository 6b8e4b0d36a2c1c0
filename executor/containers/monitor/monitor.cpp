#include "monitor.hpp"

#include "kernel.hpp"

#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/termios.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/signalfd.h>
#include <linux/un.h>
#include <linux/wait.h>

namespace slipway::monitor {
namespace {

constexpr int unix_family = 1;                         // AF_UNIX
constexpr int seqpacket = 5 | O_CLOEXEC | O_NONBLOCK;  // SOCK_SEQPACKET
constexpr std::uint64_t never = ~std::uint64_t{0};
constexpr std::uint64_t second = 1'000'000'000;
// How long a client that takes nothing can keep a container that has ended from being started
// again. What it has not taken by then it gets all the same.
constexpr std::uint64_t patience_with_clients = 3 * second;
constexpr std::int32_t already = 114;   // EALREADY
constexpr std::int32_t wrong = 22;      // EINVAL
constexpr std::int32_t no_process = 3;  // ESRCH

// The piece of output that was read last, behind the byte that says what it is.
std::uint8_t piece[1 + most_output];

std::uint64_t monotonic() {
  return time_of(1).all();
}

}  // namespace

Monitor::Monitor(const Instructions& instructions, Clients& clients)
    : instructions_(instructions),
      clients_(clients),
      process_(instructions),
      log_(instructions.own(own_folder)),
      probes_(instructions, monotonic()),
      input_(instructions.own(own_input)),
      output_(instructions.own(own_output)),
      error_(instructions.own(own_error)) {
  state_.boot = instructions.text(instructions.orders().boot);
  state_.network = instructions.text(instructions.orders().addresses);
  if (instructions.orders().idle >= 0) idle_ = instructions.own(instructions.orders().idle);
  if (instructions.has(Orders::terminal)) close_file(error_);
}

void Monitor::run() {
  const std::uint64_t all_signals = never;
  system_call(SYS_rt_sigprocmask, SIG_SETMASK, address(&all_signals), 0, sizeof(all_signals));
  // Who started it may have ignored its children, and they would leave no status.
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    std::uint64_t mask;
  } action = {};
  system_call(SYS_rt_sigaction, SIGCHLD, address(&action), 0, sizeof(all_signals));
  system_call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  system_call(SYS_prctl, PR_SET_NAME, address("slipway-monitor"), 0, 0, 0);
  const long started = process_.start();
  if (started < 0) {
    not_started({init::Stage::process, 0, static_cast<std::int32_t>(-started)});
  }
  signals_ = static_cast<int>(system_call(SYS_signalfd4, -1, address(&all_signals),
                                          sizeof(all_signals), SFD_CLOEXEC | SFD_NONBLOCK));
  serve_control();
  tell_start();
  watch();
  let_go();
  go();
}

// The path of the folder may be longer than a socket's address.
void Monitor::serve_control() {
  const int folder = instructions_.own(own_folder);
  system_call(SYS_unlinkat, folder, address("control"), 0);
  const long made = system_call(SYS_socket, unix_family, seqpacket, 0);
  if (made < 0) return;
  listener_ = static_cast<int>(made);
  struct sockaddr_un name = {};
  name.sun_family = unix_family;
  Text(name.sun_path, sizeof(name.sun_path))
      .add("/proc/self/fd/")
      .add(static_cast<std::uint64_t>(folder))
      .add("/control");
  const long before = system_call(SYS_umask, 0177);
  system_call(SYS_bind, listener_, address(&name), sizeof(name));
  system_call(SYS_umask, before);
  system_call(SYS_listen, listener_, 128);
}

// Waits until the program was executed, and says so to who started it; ends where it could not be.
void Monitor::tell_start() {
  const int report = instructions_.own(own_report);
  init::Report failure = {};
  long got = 0;
  do {
    got = system_call(SYS_read, report, address(&failure), sizeof(failure));
  } while (got == eintr);
  if (got == sizeof(failure)) {
    system_call(SYS_wait4, process_.number(), 0, 0, 0);
    not_started(failure);
  }
  system_call(SYS_close, report);
  state_.monitor = system_call(SYS_getpid);
  state_.monitor_start = start_of("self");
  state_.process = process_.number();
  char number[24];
  Text(number, sizeof(number)).add(static_cast<std::uint64_t>(state_.process));
  state_.process_start = start_of(number);
  state_.started = time_of(0).all();
  put_state();
  Client& client = clients_.welcome(instructions_.own(own_starter));
  client.streams = static_cast<std::uint8_t>(instructions_.orders().streams);
  client.attached = instructions_.has(Orders::attached);
  client.removes = instructions_.has(Orders::removes);
  Clients::answer(client, Said::started, nullptr, 0);
}

void Monitor::not_started(const init::Report& report) {
  process_.remove_groups();
  system_call(SYS_unlinkat, instructions_.own(own_folder), address("control"), 0);
  int lock = instructions_.own(own_lock);
  close_file(lock);
  char packet[1 + sizeof(report)] = {static_cast<char>(Said::failed)};
  __builtin_memcpy(packet + 1, &report, sizeof(report));
  send_packet(instructions_.own(own_starter), packet, sizeof(packet));
  init::leave(125);
}

void Monitor::put_state() {
  write_state(instructions_.own(own_folder), state_);
}

void Monitor::watch() {
  for (;;) {
    if (ended_ && piece_size_ == 0) {
      // What was printed is all in the pipes by now, whoever else has their other ends.
      if (output_ >= 0) read_output(false);
      if (piece_size_ == 0 && error_ >= 0) read_output(true);
      if (piece_size_ == 0 && output_ < 0 && error_ < 0) return;
      continue;
    }
    wait_for_something();
  }
}

void Monitor::wait_for_something() {
  struct pollfd waiting[first_client + most_clients];
  const auto wait = [&waiting](std::size_t at, int descriptor, int events) {
    waiting[at] = {descriptor, static_cast<short>(events), 0};
  };
  bool input_waits = false;
  for (const Client& client : clients_) input_waits |= client.open && client.input_size > 0;
  wait(signals, signals_, POLLIN);
  wait(listener, clients_.full() ? -1 : listener_, POLLIN);
  wait(output, piece_size_ == 0 ? output_ : -1, POLLIN);
  wait(error, piece_size_ == 0 ? error_ : -1, POLLIN);
  wait(input, input_waits ? input_ : -1, POLLOUT);
  wait(idle, idle_, POLLIN);
  std::size_t count = first_client;
  for (const Client& client : clients_) {
    const int events =
        (client.can_speak() ? POLLIN : 0) | (client.owed || client.answer_size > 0 ? POLLOUT : 0);
    wait(count++, client.open && !client.hung_up ? client.socket : -1, events);
  }
  const std::uint64_t until =
      probes_.wanted() && !ended_ && probes_.next() < patience_ ? probes_.next() : patience_;
  Time time = {};
  if (until != never) {
    const std::uint64_t now = monotonic();
    const std::uint64_t left = until > now ? until - now : 0;
    time = {static_cast<std::int64_t>(left / second), static_cast<std::int64_t>(left % second)};
  }
  if (system_call(SYS_ppoll, address(waiting), static_cast<long>(count),
                  until == never ? 0 : address(&time), 0, 0) < 0) {
    return;
  }
  // Before what a client may free a place for.
  for (std::size_t i = 0; i < most_clients; ++i) {
    const short events = waiting[first_client + i].revents;
    if (events != 0) look_at(clients_.begin()[i], events);
  }
  if (waiting[input].revents != 0) {
    for (Client& client : clients_) {
      if (client.open && client.input_size > 0) {
        pass_input(client);
        break;
      }
    }
  }
  if (waiting[output].revents != 0) read_output(false);
  if (waiting[error].revents != 0 && piece_size_ == 0) read_output(true);
  if (waiting[listener].revents != 0) accept_client();
  if (waiting[idle].revents != 0) {
    if ((waiting[idle].revents & POLLIN) != 0) start_hook(instructions_, Hook::connect);
    forget_idle();
  }
  if (waiting[signals].revents != 0) look_at_signals();
  settle_owed();
  run_probe();
}

void Monitor::look_at_signals() {
  struct signalfd_siginfo arrived = {};
  while (system_call(SYS_read, signals_, address(&arrived), sizeof(arrived)) ==
         static_cast<long>(sizeof(arrived))) {
    // The machine goes down, or somebody wants this one to go: the container is to end in order.
    if (arrived.ssi_signo == SIGTERM) {
      process_.signal(static_cast<int>(instructions_.orders().stop_signal));
    }
  }
  reap();
}

void Monitor::reap() {
  for (;;) {
    int status = 0;
    const long gone = system_call(SYS_wait4, -1, address(&status), WNOHANG | __WALL, 0);
    if (gone == eintr) continue;
    if (gone <= 0) return;
    if (probes_.ended(gone, status, monotonic())) continue;
    if (gone != process_.number()) continue;
    const int signal = status & 0x7f;
    state_.exit_code = signal == 0 ? (status >> 8) & 0xff : 128 + signal;
    state_.finished = time_of(0).all();
    process_.ended();
    ended_ = true;
    close_input();
    forget_idle();
    patience_ = monotonic() + patience_with_clients;
  }
}

// Its number stays taken: a client's that got it would be closed with what connects the network.
void Monitor::forget_idle() {
  if (idle_ >= 0) system_call(SYS_dup3, instructions_.own(own_null), idle_, O_CLOEXEC);
  idle_ = -1;
}

void Monitor::accept_client() {
  if (clients_.full()) return;
  const long socket = system_call(SYS_accept4, listener_, 0, 0, O_CLOEXEC | O_NONBLOCK);
  if (socket < 0) return;
  clients_.welcome(static_cast<int>(socket));
}

void Monitor::run_probe() {
  if (!probes_.wanted() || ended_) return;
  const std::uint64_t now = monotonic();
  if (probes_.next() > now) return;
  if (state_.status == State::Status::paused || clients_.anyone_holds())
    return probes_.put_off(now);
  const long process = start_hook(instructions_, Hook::health);
  if (process > 0) {
    probes_.begin(process);
  } else {
    probes_.put_off(now);
  }
}

void Monitor::read_output(bool is_error) {
  int& from = is_error ? error_ : output_;
  const long got = system_call(SYS_read, from, address(piece + 1), most_output);
  if (got == eintr || (got == eagain && !ended_)) return;
  if (got <= 0) {
    if (instructions_.has(Orders::terminal) && !is_error && !ended_) return;
    // The terminal's outer end is the input's, too, which is closed by now.
    return close_file(from);
  }
  const auto size = static_cast<std::size_t>(got);
  if (instructions_.has(Orders::keeps_log)) {
    log_.write(is_error, reinterpret_cast<const char*>(piece + 1), size);
  }
  piece[0] = static_cast<std::uint8_t>(is_error ? Said::error : Said::output);
  piece_size_ = size;
  piece_is_error_ = is_error;
  for (Client& client : clients_) {
    if (client.open && client.attached &&
        (client.streams & (is_error ? stream_error : stream_output)) != 0) {
      client.owed = true;
      deliver_again(client);
    }
  }
  settle_owed();
}

void Monitor::deliver_again(Client& client) {
  const long result = send_packet(client.socket, piece, 1 + piece_size_);
  if (result == eagain) return;
  client.owed = false;
  // A client that is gone is heard of by its hanging up.
  if (ended_ && !gone_) patience_ = monotonic() + patience_with_clients;
}

// The program is read from again when everyone has what was read.
void Monitor::settle_owed() {
  if (piece_size_ == 0) return;
  if (ended_ && monotonic() > patience_) let_go();
  if (!clients_.anyone_owed()) piece_size_ = 0;
}

void Monitor::look_at(Client& client, int events) {
  if ((events & POLLOUT) != 0) {
    if (client.owed) deliver_again(client);
    if (client.answer_size > 0) Clients::answer_again(client);
  }
  // A hang-up is heard behind all that was said before it.
  if ((events & (POLLHUP | POLLERR)) != 0) client.answer_size = 0;
  if (client.can_speak() && (events & ~POLLOUT) != 0) hear(client);
}

void Monitor::hear(Client& client) {
  std::uint8_t packet[1 + most_input];
  constexpr int how = 0x40 | 0x20;  // MSG_DONTWAIT, MSG_TRUNC: the whole size
  const long got =
      system_call(SYS_recvfrom, client.socket, address(packet), sizeof(packet), how, 0, 0);
  if (got == eagain || got == eintr) return;
  if (got <= 0 && client.input_size > 0) {
    client.hung_up = true;
    client.owed = false;
    return;
  }
  if (got <= 0 || got > static_cast<long>(sizeof(packet))) return leave(client);
  const auto said = static_cast<Said>(packet[0]);
  const std::size_t size = static_cast<std::size_t>(got) - 1;
  if (said == Said::input) {
    // One that does not wait for `room` is none of slipway's.
    return client.input_size > 0 ? leave(client) : take_input(client, packet + 1, size);
  }
  const bool answers = !client.attached;
  const std::int32_t result = obey(client, said, packet + 1, size);
  if (answers) Clients::answer(client, Said::done, result);
}

std::int32_t Monitor::obey(Client& client, Said said, const std::uint8_t* bytes, std::size_t size) {
  switch (said) {
    case Said::attach:
      if (size != 1) return wrong;
      client.attached = true;
      client.streams = bytes[0];
      return 0;
    case Said::end_input:
      client.ends_input = true;
      after_input(client);
      return 0;
    case Said::resize: {
      if (size != sizeof(Size) || !instructions_.has(Orders::terminal)) return wrong;
      Size asked = {};
      __builtin_memcpy(&asked, bytes, sizeof(asked));
      struct winsize told = {};
      told.ws_row = asked.rows;
      told.ws_col = asked.columns;
      return static_cast<std::int32_t>(
          -system_call(SYS_ioctl, instructions_.own(own_output), TIOCSWINSZ, address(&told)));
    }
    case Said::signal:
      if (size != 1) return wrong;
      return static_cast<std::int32_t>(-process_.signal(bytes[0]));
    case Said::pause:
      return hold(true);
    case Said::unpause:
      return hold(false);
    case Said::hold_still:
      return hold_for(client);
    case Said::will_remove:
      for (Client& other : clients_) other.removes = false;
      client.removes = true;
      return 0;
    default:
      return wrong;
  }
}

std::int32_t Monitor::hold(bool still) {
  if (ended_) return no_process;
  const State::Status wanted = still ? State::Status::paused : State::Status::running;
  if (state_.status == wanted) return already;
  // Whom a client holds goes on when that one is gone.
  const long result = clients_.anyone_holds() ? 0 : still ? process_.pause() : process_.unpause();
  if (result != 0) return static_cast<std::int32_t>(-result);
  state_.status = wanted;
  put_state();
  return 0;
}

std::int32_t Monitor::hold_for(Client& client) {
  if (state_.status != State::Status::paused && !clients_.anyone_holds()) {
    const long result = process_.pause();
    if (result != 0) return static_cast<std::int32_t>(-result);
  }
  client.holds = true;
  return 0;
}

void Monitor::take_input(Client& client, const std::uint8_t* bytes, std::size_t size) {
  __builtin_memcpy(client.input, bytes, size);
  client.input_size = size;
  client.input_done = 0;
  pass_input(client);
}

void Monitor::pass_input(Client& client) {
  while (input_ >= 0 && client.input_done < client.input_size) {
    const long put = system_call(SYS_write, input_, address(client.input + client.input_done),
                                 static_cast<long>(client.input_size - client.input_done));
    if (put == eagain) return;
    if (put == eintr) continue;
    if (put < 0) {
      // Nobody reads it any more. A terminal's has only hung up for the moment.
      client.input_size = 0;
      if (!instructions_.has(Orders::terminal)) close_input();
      break;
    }
    client.input_done += static_cast<std::size_t>(put);
  }
  client.input_size = client.input_done = 0;
  if (!client.hung_up) Clients::answer(client, Said::room, nullptr, 0);
  after_input(client);
  if (client.hung_up) leave(client);
}

// A terminal's input has no end.
void Monitor::after_input(Client& client) {
  if (client.input_size > 0 || !client.ends_input || !instructions_.has(Orders::input_once) ||
      instructions_.has(Orders::terminal)) {
    return;
  }
  close_input();
}

// What clients have for it is dropped: one waits for room, and of one that has hung up nothing else
// would be heard.
void Monitor::close_input() {
  if (input_ < 0) return;
  close_file(input_);
  for (Client& client : clients_) {
    if (client.open && client.input_size > 0) pass_input(client);
  }
}

void Monitor::leave(Client& client) {
  if (client.attached && (client.streams & stream_input) != 0) {
    client.ends_input = true;
    after_input(client);
  }
  const bool held = client.holds;
  Clients::drop(client);
  if (held && !clients_.anyone_holds() && state_.status != State::Status::paused)
    process_.unpause();
}

void Monitor::let_go() {
  if (gone_) return;
  gone_ = true;
  patience_ = never;
  state_.status = State::Status::exited;
  state_.out_of_memory = process_.out_of_memory();
  put_state();
  process_.remove_groups();
  system_call(SYS_unlinkat, instructions_.own(own_folder), address("control"), 0);
  close_file(listener_);
  // The container can be started again before anyone hears of its end.
  int lock = instructions_.own(own_lock);
  close_file(lock);
  // What connects it to its network goes with these.
  const Orders& orders = instructions_.orders();
  system_call(SYS_close_range, orders.own + own_first, orders.own + orders.own_count - 1, 0);
  // Whoever waits only for this has nothing to do with the output that is left.
  for (Client& client : clients_) {
    if (client.open && !client.attached) tell_end(client);
  }
}

void Monitor::tell_end(Client& client) {
  const End end = {state_.exit_code, client.removes ? 1 : 0};
  Clients::answer(client, Said::exited, &end, sizeof(end));
}

void Monitor::go() {
  for (Client& client : clients_) {
    if (client.open && client.attached) tell_end(client);
  }
  if (instructions_.has(Orders::auto_remove)) {
    while (clients_.anyone_removes()) wait_for_something();
    // Its files go when it is removed.
    if (system_call(SYS_faccessat, instructions_.own(own_folder), address("lock"), 0) == 0) {
      const long hook = start_hook(instructions_, Hook::end);
      if (hook > 0) system_call(SYS_wait4, hook, 0, 0, 0);
    }
  }
  // One that reads what it has got needs the last word, too.
  while (clients_.anyone_waits_for_answer()) wait_for_something();
  init::leave(0);
}

}  // namespace slipway::monitor
