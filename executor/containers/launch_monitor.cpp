#include <executor/containers/launch_monitor.hpp>

#include <executor/containers/monitor_program.hpp>
#include <executor/sandbox/launch.hpp>
#include <executor/spawn.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>

namespace slipway {
namespace {

constexpr std::size_t stack_size = 64 * 1024;

// What the new processes read in this one's memory, and where they leave an errno.
struct Birth {
  int program;
  const int* descriptors;
  int count;
  int beyond;  // a number above all of these
  const char* orders;
  const char* name;
  char* second_stack;
  int error;
  const char* call;
};

// On this process's memory, as in executor/sandbox/launch.cpp: only system calls.
int become_monitor(void* argument) {
  auto& birth = *static_cast<Birth*>(argument);
  const auto failed = [&birth](const char* call) {
    birth.error = errno;
    birth.call = call;
    return 1;
  };
  // A terminal's Ctrl-C is not for it, and it keeps no directory from being removed.
  if (::setsid() < 0) return failed("setsid");
  if (::chdir("/") != 0) return failed("chdir");
  // First out of the way of the numbers they are to get.
  for (int i = 0; i < birth.count; ++i) {
    if (::dup3(birth.descriptors[i], birth.beyond + i, O_CLOEXEC) < 0) return failed("dup3");
  }
  const int program = birth.beyond + birth.count;
  if (::dup3(birth.program, program, O_CLOEXEC) < 0) return failed("dup3");
  for (int i = 0; i < birth.count; ++i) {
    if (::dup3(birth.beyond + i, i, 0) < 0) return failed("dup3");
  }
  // Whatever this process was given: a lock of a script's, a pipe whose end somebody waits for.
  if (::close_range(static_cast<unsigned>(birth.count), ~0U, CLOSE_RANGE_CLOEXEC) != 0)
    return failed("close_range");
  const char* const arguments[] = {"slipway-monitor", birth.name, nullptr};
  const char* const environment[] = {birth.orders, nullptr};
  ::syscall(SYS_execveat, program, "", arguments, environment, AT_EMPTY_PATH);
  return failed("execveat");
}

// Between the two, so that the monitor's parent is whoever takes in orphans here.
int be_between(void* argument) {
  auto& birth = *static_cast<Birth*>(argument);
  if (::clone(become_monitor, birth.second_stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &birth) < 0) {
    birth.error = errno;
    birth.call = "clone";
  }
  return 0;
}

}  // namespace

void launch_monitor(const std::vector<int>& descriptors, int orders, const std::string& name) {
  const FileDescriptor program = sealed_program("slipway-monitor", monitor_program_bytes());
  const std::string number = std::to_string(orders);
  const auto stacks = std::make_unique_for_overwrite<std::byte[]>(2 * stack_size);
  Birth birth{};
  birth.program = program.get();
  birth.descriptors = descriptors.data();
  birth.count = static_cast<int>(descriptors.size());
  birth.beyond = std::max({birth.count, birth.program,
                           *std::max_element(descriptors.begin(), descriptors.end())}) +
                 1;
  birth.orders = number.c_str();
  birth.name = name.c_str();
  birth.second_stack = reinterpret_cast<char*>(stacks.get() + 2 * stack_size);
  int between = -1;
  {
    const SignalsBlocked blocked;
    if (::clone(be_between, stacks.get() + stack_size, CLONE_VM | CLONE_VFORK | CLONE_PIDFD, &birth,
                &between) < 0) {
      throw system_error("clone", "", errno);
    }
  }
  wait_for(FileDescriptor(between));
  if (birth.call != nullptr) throw system_error(birth.call, "slipway-monitor", birth.error);
}

}  // namespace slipway
