#include <executor/sandbox/launch.hpp>

#include <executor/sandbox/init_program.hpp>
#include <executor/spawn.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t stack_size = 64 * 1024;
constexpr unsigned memfd_exec = 0x10;  // MFD_EXEC, Linux 6.3

FileDescriptor sealed(const char* name, std::string_view bytes, unsigned flags) {
  FileDescriptor memory(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | flags));
  if (!memory && errno == EINVAL && flags != 0) {
    memory = FileDescriptor(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  }
  if (!memory) throw system_error("memfd_create", name, errno);
  write_all(memory.get(), bytes, name);
  if (::fcntl(memory.get(), F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    throw system_error("fcntl", name, errno);
  }
  return memory;
}

int flags_of(Namespaces namespaces) {
  constexpr int all = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  switch (namespaces) {
    case Namespaces::none:
      break;
    case Namespaces::all:
      return all;
    case Namespaces::all_and_network:
      return all | CLONE_NEWNET;
  }
  return 0;
}

// What the new process reads in the builder's memory, and where it leaves its errno.
struct Birth {
  int program;
  const int* descriptors;  // what it is to have as 0, 1, 2 ...
  int count;
  int beyond;        // a number above all of these
  const int* doors;  // of its control group
  int door_count;
  int network;  // namespace to enter; -1: it is in the right one
  int error;
  const char* call;
};

// Runs in the new process on the builder's memory. Another thread may hold any lock: only system
// calls, and no function that could be anything else.
int be_born(void* argument) {
  auto& birth = *static_cast<Birth*>(argument);
  const auto failed = [&birth](const char* call) {
    birth.error = errno;
    birth.call = call;
    return 1;
  };
  // Before the descriptors get other numbers.
  if (birth.network >= 0 && ::setns(birth.network, CLONE_NEWNET) != 0) return failed("setns");
  // "0" is whoever writes it.
  for (int i = 0; i < birth.door_count; ++i) {
    if (::write(birth.doors[i], "0", 1) != 1) return failed("write cgroup.procs");
  }
  // The root of what it sees of the groups is its own, and not the builder's.
  if (birth.door_count > 0 && ::unshare(CLONE_NEWCGROUP) != 0) return failed("unshare");
  // First out of the way of the numbers they are to get. What the builder has at either place is
  // only closed in this process, which would have happened anyway.
  for (int i = 0; i < birth.count; ++i) {
    if (::dup3(birth.descriptors[i], birth.beyond + i, O_CLOEXEC) < 0) return failed("dup3");
  }
  const int program = birth.beyond + birth.count;
  if (::dup3(birth.program, program, O_CLOEXEC) < 0) return failed("dup3");
  for (int i = 0; i < birth.count; ++i) {
    if (::dup3(birth.beyond + i, i, 0) < 0) return failed("dup3");
  }
  const char* const arguments[] = {"slipway-init", nullptr};
  const char* const environment[] = {nullptr};
  ::syscall(SYS_execveat, program, "", arguments, environment, AT_EMPTY_PATH);
  return failed("execveat");
}

}  // namespace

FileDescriptor sealed_memory(const char* name, std::string_view bytes) {
  return sealed(name, bytes, 0);
}

FileDescriptor sealed_program(const char* name, std::string_view bytes) {
  return sealed(name, bytes, memfd_exec);
}

FileDescriptor init_program() {
  return sealed_program("slipway-init", init_program_bytes());
}

FileDescriptor start_init(const FileDescriptor& program, const std::vector<int>& handed, int flags,
                          const std::vector<int>& doors, int network) {
  Birth birth{};
  birth.program = program.get();
  birth.descriptors = handed.data();
  birth.count = static_cast<int>(handed.size());
  birth.doors = doors.data();
  birth.door_count = static_cast<int>(doors.size());
  birth.beyond =
      std::max({birth.count, birth.program, *std::max_element(handed.begin(), handed.end())}) + 1;
  birth.network = network;

  const auto stack = std::make_unique<std::byte[]>(stack_size);
  int process = -1;
  {
    const SignalsBlocked blocked;
    if (::clone(be_born, stack.get() + stack_size, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | flags,
                &birth, &process) < 0) {
      throw system_error("clone", "", errno);
    }
  }
  FileDescriptor started(process);
  if (birth.call != nullptr) {
    wait_for(started);
    throw system_error(birth.call, "slipway-init", birth.error);
  }
  return started;
}

Launched launch(const FileDescriptor& program, const std::string& plan,
                const std::vector<FileDescriptor>& mounts, Namespaces namespaces,
                ControlGroup group, std::unique_ptr<StepNetwork> network,
                const FileDescriptor& streams) {
  const FileDescriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) throw system_error("open", "/dev/null", errno);
  const FileDescriptor orders = sealed_memory("plan", plan);
  Pipe output = make_pipe();
  Pipe error = make_pipe();
  Pipe report = make_pipe();
  Pipe lifeline = make_pipe();
  never_block(output.read);
  never_block(error.read);

  // In the order of init::Handed.
  std::vector<int> handed = {null.get(),   output.write.get(), error.write.get(),
                             orders.get(), report.write.get(), lifeline.read.get()};
  if (streams) std::fill_n(handed.begin(), 3, streams.get());
  for (const FileDescriptor& mount : mounts) handed.push_back(mount.get());
  FileDescriptor process = start_init(program, handed, flags_of(namespaces), group.doors(),
                                      network ? network->descriptor() : -1);
  Launched launched{std::move(process),     std::move(output.read),    std::move(error.read),
                    std::move(report.read), std::move(lifeline.write), std::move(group),
                    std::move(network),     FileDescriptor()};
  if (streams) {
    launched.output = FileDescriptor();
    launched.error = FileDescriptor();
  }
  return launched;
}

std::optional<init::Report> await_start(const Launched& launched) {
  init::Report report{};
  ssize_t got = 0;
  do {
    got = ::read(launched.report.get(), &report, sizeof(report));
  } while (got < 0 && errno == EINTR);
  // A pipe gives what was written at once, whole.
  if (got != static_cast<ssize_t>(sizeof(report))) return std::nullopt;
  return report;
}

int wait_for(const FileDescriptor& process) noexcept {
  siginfo_t how{};
  while (::waitid(P_PIDFD, static_cast<id_t>(process.get()), &how, WEXITED | __WALL) != 0) {
    if (errno != EINTR) return 128 + SIGKILL;
  }
  return how.si_code == CLD_EXITED ? how.si_status : 128 + how.si_status;
}

}  // namespace slipway
