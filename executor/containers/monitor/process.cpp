#include "process.hpp"

#include "kernel.hpp"

#include <executor/sandbox/init/stages.hpp>

#include <asm/signal.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/wait.h>

namespace slipway::monitor {
namespace {

constexpr long esrch = -3;
constexpr long echild = -10;
constexpr long ebusy = -16;
constexpr long enotempty = -39;
constexpr int tries = 1000;
constexpr std::int64_t pause_between = 1'000'000;  // nanoseconds

bool begins_with(const char* text, const char* start) {
  for (; *start != 0; ++start, ++text) {
    if (*text != *start) return false;
  }
  return true;
}

// Whether a line of the text is, or begins with, that.
bool has_line(const char* text, const char* start) {
  for (bool at_start = true; *text != 0; ++text) {
    if (at_start && begins_with(text, start)) return true;
    at_start = *text == '\n';
  }
  return false;
}

bool file_says(int directory, const char* name, const char* line) {
  char text[1024];
  read_file(directory, name, text, sizeof(text));
  return has_line(text, line);
}

// getdents64's.
struct Entry {
  std::uint64_t inode;
  std::int64_t offset;
  std::uint16_t size;
  std::uint8_t type;
  char name[1];
};

// With the groups that a privileged container has made in it, however many: each look finds some.
void remove_group(int parent, const char* name, int depth) {
  constexpr int deepest = 16;
  constexpr std::uint8_t directory = 4;  // DT_DIR
  for (int i = 0; i < tries; ++i) {
    const long result = system_call(SYS_unlinkat, parent, address(name), AT_REMOVEDIR);
    if (result != ebusy && result != enotempty) return;
    const long inside = depth == deepest
                            ? -1
                            : system_call(SYS_openat, parent, address(name),
                                          O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (inside >= 0) {
      alignas(8) char list[1024];
      long got = 0;
      while ((got = system_call(SYS_getdents64, inside, address(list), sizeof(list))) > 0) {
        for (long at = 0; at < got;) {
          const auto* entry = reinterpret_cast<const Entry*>(list + at);
          const char* inner = entry->name;
          const bool dots =
              inner[0] == '.' && (inner[1] == 0 || (inner[1] == '.' && inner[2] == 0));
          if (entry->type == directory && !dots) {
            remove_group(static_cast<int>(inside), inner, depth + 1);
          }
          at += entry->size;
        }
      }
      system_call(SYS_close, inside);
    }
    sleep_for(pause_between);
  }
}

// Only the right to signal, whoever it is, and only the calls that this takes: who traces it gains
// nothing, and nothing that it executes could have more.
void keep_signalling_only() {
  const auto require = [](long result) {
    if (result < 0) init::leave(1);
  };
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {};
  data[0].permitted = data[0].effective = 1U << CAP_KILL;
  require(system_call(SYS_capset, address(&header), address(data)));
  require(system_call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0));
  require(system_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
#if defined(__x86_64__)
  constexpr std::uint32_t machine = AUDIT_ARCH_X86_64;
#else
  constexpr std::uint32_t machine = AUDIT_ARCH_AARCH64;
#endif
  struct sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, machine, 0, 5),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_wait4, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {};
  program.len = sizeof(rules) / sizeof(rules[0]);
  program.filter = rules;
  require(system_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, address(&program)));
}

}  // namespace

Instructions::Instructions(const Orders* orders, std::size_t size) : orders_(orders) {
  const auto require = [](bool good) {
    if (!good) init::leave(125);
  };
  const auto lies_inside = [size](const init::List& list, std::size_t element) {
    return list.offset <= size && list.offset % 8 == 0 &&
           list.count <= (size - list.offset) / element;
  };
  require(size > sizeof(Orders) && orders->magic == Orders::right_magic && orders->size == size);
  require(reinterpret_cast<const char*>(orders)[size - 1] == 0);
  require(orders->id < size && orders->boot < size && orders->addresses < size);
  require(lies_inside(orders->groups, sizeof(Group)) &&
          lies_inside(orders->environment, sizeof(std::uint32_t)));
  for (std::uint32_t i = 0; i < orders->groups.count; ++i) {
    require(begin<Group>(orders->groups)[i].path < size);
  }
  for (std::uint32_t i = 0; i < orders->environment.count; ++i) {
    require(begin<std::uint32_t>(orders->environment)[i] < size);
  }
}

long Process::start() {
  // A plain fork: this address space is a few dozen pages.
  number_ = system_call(SYS_clone, static_cast<long>(instructions_.orders().namespaces) | SIGCHLD,
                        0, 0, 0, 0);
  if (number_ == 0) be_born();
  if (number_ < 0) return number_;
  // A terminal stays open: a program that closes it for a moment has not hung up.
  const int first = instructions_.has(Orders::terminal) ? init::handed_output : init::handed_input;
  system_call(SYS_close_range, first, instructions_.orders().own - 1, 0);
  return 0;
}

void Process::be_born() const {
  using init::Stage;
  const Orders& orders = instructions_.orders();
  if (orders.network >= 0) {
    init::check(system_call(SYS_setns, instructions_.own(orders.network), CLONE_NEWNET),
                Stage::network);
  }
  const auto* groups = instructions_.begin<Group>(orders.groups);
  for (std::uint32_t i = 0; i < orders.groups.count; ++i) {
    // "0" is whoever writes it.
    init::check(system_call(SYS_write, instructions_.own(groups[i].door), address("0"), 1),
                Stage::control_groups);
  }
  // The root of what it sees of the groups is its own.
  if (orders.groups.count > 0) {
    init::check(system_call(SYS_unshare, CLONE_NEWCGROUP), Stage::control_groups);
  }
  const int own = orders.own;
  const std::uint32_t size = orders.size;
  init::check(system_call(SYS_close_range, own, ~0U, 0), Stage::session);
  // The store's place is nothing that a container has to know.
  system_call(SYS_munmap, address(&orders), size);
  init::run();
}

long Process::signal(int number) const {
  if (number_ == 0) return esrch;
  const long result = system_call(SYS_kill, number_, number);
  // Version 1 keeps the dead ones as well.
  if (number == SIGKILL && freezer() != nullptr) unpause();
  return result;
}

const Group* Process::freezer() const {
  const auto* groups = instructions_.begin<Group>(instructions_.orders().groups);
  for (std::uint32_t i = 0; i < instructions_.orders().groups.count; ++i) {
    if ((groups[i].kind & Group::freezer) != 0) return &groups[i];
  }
  return nullptr;
}

long Process::pause() const {
  if (number_ == 0) return esrch;
  const Group* group = freezer();
  if (group == nullptr) return stop_or_go(SIGSTOP);
  const int directory = instructions_.own(group->directory);
  const bool unified = (group->kind & Group::unified) != 0;
  for (int i = 0; i < tries; ++i) {
    // Version 1 has to be told again where a process was just being made.
    const bool told = unified ? i > 0 || write_file(directory, "cgroup.freeze", "1")
                              : write_file(directory, "freezer.state", "FROZEN");
    if (!told) return einval;
    if (unified ? file_says(directory, "cgroup.events", "frozen 1")
                : file_says(directory, "freezer.state", "FROZEN\n")) {
      return 0;
    }
    sleep_for(pause_between);
  }
  unpause();
  return ebusy;
}

long Process::unpause() const {
  if (number_ == 0) return esrch;
  const Group* group = freezer();
  if (group == nullptr) return stop_or_go(SIGCONT);
  const int directory = instructions_.own(group->directory);
  const bool told = (group->kind & Group::unified) != 0
                        ? write_file(directory, "cgroup.freeze", "0")
                        : write_file(directory, "freezer.state", "THAWED");
  return told ? 0 : einval;
}

// Without a group: the first process from here, the others at once by one that is among them for
// that moment. The kernel lets nobody be born while it goes through them.
long Process::stop_or_go(int signal) const {
  if (signal == SIGSTOP) system_call(SYS_kill, number_, signal);
  const long result = signal_others(signal);
  if (signal == SIGSTOP && result != 0) signal_others(SIGCONT);
  if (signal != SIGSTOP || result != 0) system_call(SYS_kill, number_, SIGCONT);
  return result;
}

long Process::signal_others(int signal) const {
  const long process = system_call(SYS_pidfd_open, number_, 0);
  if (process < 0) return process;
  const long helper = system_call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (helper == 0) send_one_among_them(process, signal);
  long result = helper < 0 ? helper : end_of(helper);
  // Nobody gets into a namespace whose first process has been killed, and is about to be gone.
  struct pollfd first = {static_cast<int>(process), POLLIN, 0};
  Time soon = {1, 0};
  if (result == echild && system_call(SYS_ppoll, address(&first), 1, address(&soon), 0, 0) == 1)
    result = esrch;
  system_call(SYS_close, process);
  return result;
}

// The container's processes can signal that one: what they stop goes on, and what does not end is
// ended. It and its child are in a group of their own.
long Process::end_of(long helper) {
  int status = 0;
  for (int i = 0; i < 2 * tries; ++i) {
    if (system_call(SYS_wait4, helper, address(&status), WNOHANG, 0) == helper) {
      return status == 0 ? 0 : echild;
    }
    if (i % 10 == 9) system_call(SYS_kill, -helper, SIGCONT);
    sleep_for(pause_between);
  }
  system_call(SYS_kill, -helper, SIGKILL);
  system_call(SYS_kill, helper, SIGKILL);
  system_call(SYS_wait4, helper, 0, 0, 0);
  return ebusy;
}

// In a copy of this process, of which nothing may be left that the container has not: one that may
// trace there sees it.
void Process::send_one_among_them(long process, int signal) const {
  const auto require = [](long result) {
    if (result < 0) init::leave(1);
  };
  const Orders& orders = instructions_.orders();
  // Another one's network may be none that this process can go into.
  const long namespaces =
      static_cast<long>(orders.namespaces) | (orders.network >= 0 ? CLONE_NEWNET : 0);
  const std::uint32_t size = orders.size;
  require(system_call(SYS_setpgid, 0, 0));
  if (process > 0) require(system_call(SYS_close_range, 0, process - 1, 0));
  require(system_call(SYS_close_range, process + 1, ~0U, 0));
  require(system_call(SYS_setns, process, namespaces));
  require(system_call(SYS_close, process));
  require(system_call(SYS_munmap, address(&orders), size));
  keep_signalling_only();
  const long inside = system_call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (inside == 0) {
    system_call(SYS_kill, -1, signal);
    init::leave(0);
  }
  int status = -1;
  if (inside > 0) system_call(SYS_wait4, inside, address(&status), 0, 0);
  init::leave(status == 0 ? 0 : 1);
}

bool Process::out_of_memory() const {
  const auto* groups = instructions_.begin<Group>(instructions_.orders().groups);
  for (std::uint32_t i = 0; i < instructions_.orders().groups.count; ++i) {
    const char* file =
        (groups[i].kind & Group::unified) != 0 ? "memory.events" : "memory.oom_control";
    const int directory = instructions_.own(groups[i].directory);
    if (file_says(directory, file, "oom_kill ") && !file_says(directory, file, "oom_kill 0\n")) {
      return true;
    }
  }
  return false;
}

void Process::remove_groups() const {
  const auto* groups = instructions_.begin<Group>(instructions_.orders().groups);
  for (std::uint32_t i = 0; i < instructions_.orders().groups.count; ++i) {
    write_file(instructions_.own(groups[i].directory), "cgroup.kill", "1");
    remove_group(AT_FDCWD, instructions_.text(groups[i].path), 0);
  }
}

}  // namespace slipway::monitor
