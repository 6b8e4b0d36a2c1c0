// A step without namespaces: another root, and an end for all that it started.
//
// What a process starts belongs to it until its death, and then to the nearest "subreaper" above
// it: this one. So whatever a step forks, and wherever that goes (setsid, double forks), it becomes
// a child of init's sooner or later.
#include "stages.hpp"
#include "text.hpp"

#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/time_types.h>
#include <linux/wait.h>

namespace slipway::init {
namespace {

constexpr long eintr = -4;
constexpr long kept_processes = handed_plan;  // a number that is free by then
// How far down it is looked at once. What lies deeper is nearer the next time.
constexpr int most_levels = 64;

// The children of the process, as the kernel lists them: "12 34 ". Gives how many were killed.
int kill_children(long processes, long parent, int level) {
  char path[80];
  const auto process = static_cast<std::uint64_t>(parent);
  Text(path, sizeof(path)).add(process).add("/task/").add(process).add("/children");
  const long file = system_call(SYS_openat, processes, address(path), O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return 0;
  int killed = 0;
  char text[2048];
  for (;;) {
    const long size = system_call(SYS_read, file, address(text), sizeof(text));
    if (size <= 0) break;
    long number = 0;
    bool whole = false;
    for (long at = 0; at < size; ++at) {
      if (text[at] >= '0' && text[at] <= '9') {
        number = 10 * number + (text[at] - '0');
        whole = true;
        continue;
      }
      if (whole && number > 1) {
        // First, so that it makes no more of them while they are looked for.
        system_call(SYS_kill, number, SIGSTOP);
        if (level < most_levels) kill_children(processes, number, level + 1);
        system_call(SYS_kill, number, SIGKILL);
        ++killed;
      }
      number = 0;
      whole = false;
    }
  }
  system_call(SYS_close, file);
  return killed;
}

}  // namespace

long enter_directory(const Orders& orders) {
  check(system_call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1), Stage::session);
  check(system_call(SYS_dup3, orders.plan().processes, kept_processes, O_CLOEXEC), Stage::session);
  check(system_call(SYS_fchdir, orders.plan().root), Stage::root);
  check(system_call(SYS_chroot, address(".")), Stage::root);
  check(system_call(SYS_chdir, address("/")), Stage::root);
  return kept_processes;
}

void end_descendants(long processes) {
  const long self = system_call(SYS_getpid);
  for (;;) {
    const bool killed = kill_children(processes, self, 0) != 0;
    // One of those that were killed is going to end; else the list may have missed one.
    const long gone = system_call(SYS_wait4, -1, 0, killed ? 0 : WNOHANG, 0);
    if (gone < 0 && gone != eintr) return;  // there are none
    if (gone == 0) {
      const struct __kernel_timespec moment = {0, 100'000};
      system_call(SYS_clock_nanosleep, 1 /* CLOCK_MONOTONIC */, 0, address(&moment), 0);
    }
    while (system_call(SYS_wait4, -1, 0, WNOHANG, 0) > 0) {
    }
  }
}

}  // namespace slipway::init
