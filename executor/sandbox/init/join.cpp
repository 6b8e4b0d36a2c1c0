// A program for a container that runs.
//
// Three processes. This one, the waiter, stays outside, where the container's processes cannot see
// it, with nothing but the right to signal: it passes orders on, and its status is the program's.
// The traveller gives up whatever the program is not to have while nobody in there can see it
// either, because it is still in the process namespace it was born into. Only the program is born
// into the container's, as the waiter's child, and has by then what every process of the container
// has: to trace it, or to take its descriptors, gains nothing.
#include "fake_ids.hpp"
#include "stages.hpp"

#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/signalfd.h>
#include <linux/wait.h>

namespace slipway::init {
namespace {

constexpr long eintr = -4;
constexpr std::size_t mask_size = sizeof(std::uint64_t);
constexpr std::uint64_t all_signals = ~std::uint64_t{0};
constexpr std::uint64_t no_signals = 0;
constexpr long o_cloexec = 02000000;
constexpr int from_somebody = 0;  // SI_USER
// The waiter's, by numbers that are free by then.
constexpr int kept_told = handed_plan;
constexpr int kept_outer = handed_report;
constexpr long set_close_on_exec = 2;  // F_SETFD, whose argument is FD_CLOEXEC

long status_of(int status) {
  const int signal = status & 0x7f;
  return signal == 0 ? (status >> 8) & 0xff : 128 + signal;
}

// -1: it is not this process's child.
long wait_for_child(long process) {
  int status = 0;
  long gone = 0;
  do {
    gone = system_call(SYS_wait4, process, address(&status), __WALL, 0);
  } while (gone == eintr);
  return gone == process ? status_of(status) : -1;
}

bool is_child(long process) {
  return process > 0 &&
         system_call(SYS_waitid, P_PID, process, 0, WNOHANG | WNOWAIT | WEXITED) == 0;
}

void unblock_signals() {
  system_call(SYS_rt_sigprocmask, SIG_SETMASK, address(&no_signals), 0, mask_size);
}

// The session, and with it the terminal, are the program's own.
void take_session(const Orders& orders) {
  system_call(SYS_setsid);
  if (!orders.has(Plan::terminal)) return;
  check(system_call(SYS_ioctl, handed_input, TIOCSCTTY, 0), Stage::session);
}

// Beside untrusted code, with its rights: answers for the ids of the program, which is its child
// and shares its session and its group, so that the waiter can end both.
[[noreturn]] void answer_for_program(const Orders& orders, int listener) {
  take_session(orders);
  const long signals = check(
      system_call(SYS_signalfd4, -1, address(&all_signals), mask_size, SFD_CLOEXEC | SFD_NONBLOCK),
      Stage::signals);
  const long program = check(system_call(SYS_clone, SIGCHLD, 0, 0, 0, 0), Stage::process);
  if (program == 0) {
    system_call(SYS_close, listener);
    unblock_signals();
    execute(orders);
  }
  system_call(SYS_close, handed_report);
  system_call(SYS_close_range, handed_input, handed_error, 0);
  for (;;) {
    struct pollfd waiting[] = {{static_cast<int>(signals), POLLIN, 0}, {listener, POLLIN, 0}};
    system_call(SYS_ppoll, address(waiting), 2, 0, 0, 0);
    if ((waiting[1].revents & POLLIN) != 0) answer_ids(orders, listener);
    if ((waiting[1].revents & POLLHUP) != 0) listener = -1;
    struct signalfd_siginfo arrived = {};
    if (system_call(SYS_read, signals, address(&arrived), sizeof(arrived)) !=
        static_cast<long>(sizeof(arrived))) {
      continue;
    }
    if (arrived.ssi_signo != SIGCHLD) {
      // What the terminal sends, it sends to the program too.
      if (arrived.ssi_code == from_somebody) system_call(SYS_kill, program, arrived.ssi_signo);
      continue;
    }
    int status = 0;
    if (system_call(SYS_wait4, program, address(&status), WNOHANG, 0) == program) {
      leave(static_cast<int>(status_of(status)));
    }
  }
}

// The traveller. `told` gets the program's number.
[[noreturn]] void travel(const Orders& orders, int told) {
  const Plan& plan = orders.plan();
  // The waiter's alone: who had it could give orders.
  system_call(SYS_close, handed_lifeline);
  const auto* doors = orders.begin<std::int32_t>(plan.doors);
  for (std::uint32_t i = 0; i < plan.doors.count; ++i) {
    check(system_call(SYS_write, doors[i], address("0"), 1), Stage::control_group, i);
  }
  check(system_call(SYS_setns, plan.joined, plan.namespaces), Stage::namespaces);
  // Nothing of the outside is left when the container's paths are looked at, or when the program
  // is born (CVE-2024-21626, CVE-2016-9962).
  check(system_call(SYS_dup3, told, handed_lifeline, o_cloexec), Stage::session);
  check(system_call(SYS_close_range, handed_first, ~0U, 0), Stage::session);
  system_call(SYS_fcntl, handed_report, set_close_on_exec, 1);

  set_limits(orders);
  enter_working_directory(orders);
  drop_bounding_set(orders);
  scope_sockets(orders);
  const int listener = orders.has(Plan::fake_ids) ? intercept_ids() : -1;
  give_up_new_privileges(orders);
  load_filter(orders);
  give_up_rights(orders);
  // A change of user may have undone it. It ends with the exec.
  system_call(SYS_prctl, PR_SET_DUMPABLE, 0);

  const long program =
      check(system_call(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0), Stage::process);
  if (program == 0) {
    system_call(SYS_close, handed_lifeline);
    if (listener >= 0) answer_for_program(orders, listener);
    take_session(orders);
    unblock_signals();
    execute(orders);
  }
  system_call(SYS_write, handed_lifeline, address(&program), sizeof(program));
  leave(0);
}

// Whatever the program prints with nobody in front of its terminal any more. False: it is closed.
bool pass_over_output(int outer) {
  char bytes[4096];
  const long got = system_call(SYS_read, outer, address(bytes), sizeof(bytes));
  return got > 0 || got == eintr || got == -11 /* EAGAIN */;
}

// Takes orders for the program until its end: a byte is a signal, or zero, after which nobody gives
// any more. Where they end without that, so does the program.
[[noreturn]] void wait_for_program(long program, long ended, int outer) {
  bool ordered = true;
  bool reads = false;  // the terminal, for want of anybody else
  for (;;) {
    struct pollfd waiting[] = {{static_cast<int>(ended), POLLIN, 0},
                               {ordered ? handed_lifeline : -1, POLLIN, 0},
                               {reads ? outer : -1, POLLIN, 0}};
    system_call(SYS_ppoll, address(waiting), 3, 0, 0, 0);
    if (waiting[0].revents != 0) leave(static_cast<int>(wait_for_child(program)));
    if (waiting[1].revents != 0) {
      unsigned char order = 0;
      const long got = system_call(SYS_read, handed_lifeline, address(&order), 1);
      if (got == eintr) continue;
      if (got == 1 && order != 0) {
        system_call(SYS_kill, program, order);
        continue;
      }
      ordered = false;
      reads = outer >= 0;
      if (got != 1) {
        // With what stayed in its group. Not before it has one of its own: then it is in the
        // waiter's.
        system_call(SYS_kill, -program, SIGKILL);
        system_call(SYS_kill, program, SIGKILL);
      }
    }
    if (waiting[2].revents != 0 && !pass_over_output(outer)) reads = false;
  }
}

// Only the right to signal: the program may be another user's.
void keep_signalling_only() {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {};
  data[0].permitted = data[0].effective = 1U << CAP_KILL;
  system_call(SYS_capset, address(&header), address(data));
}

}  // namespace

void join(const Orders& orders) {
  // No key pressed at the terminal of who asks is for any of the three.
  check(system_call(SYS_setsid), Stage::session);
  system_call(SYS_rt_sigprocmask, SIG_SETMASK, address(&all_signals), 0, mask_size);
  reset_signals();
  // The others are born with it.
  check(system_call(SYS_prctl, PR_SET_DUMPABLE, 0), Stage::session);
  int told[2];
  check(system_call(SYS_pipe2, address(told), o_cloexec), Stage::process);
  const long traveller = check(system_call(SYS_clone, SIGCHLD, 0, 0, 0, 0), Stage::process);
  if (traveller == 0) travel(orders, told[1]);
  system_call(SYS_chdir, address("/"));
  system_call(SYS_close_range, handed_input, handed_error, 0);
  system_call(SYS_dup3, told[0], kept_told, o_cloexec);
  int outer = orders.plan().outer;
  if (outer >= 0) outer = static_cast<int>(system_call(SYS_dup3, outer, kept_outer, o_cloexec));
  // The report's end of file is for the program alone to give.
  if (outer < 0) system_call(SYS_close, handed_report);
  system_call(SYS_close_range, handed_first, ~0U, 0);

  long program = -1;
  long got = 0;
  do {
    got = system_call(SYS_read, kept_told, address(&program), sizeof(program));
  } while (got == eintr);
  system_call(SYS_close, kept_told);
  wait_for_child(traveller);
  // If there is none, the traveller has said why. One that is not this process's child is a lie.
  if (got != sizeof(program) || !is_child(program)) leave(125);
  const long ended = system_call(SYS_pidfd_open, program, 0);
  system_call(SYS_write, handed_lifeline, address(&program), sizeof(program));
  keep_signalling_only();
  wait_for_program(program, ended, outer);
}

}  // namespace slipway::init
