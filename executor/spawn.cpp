#include <executor/spawn.hpp>

#include <ir/error.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <memory>

namespace slipway {
namespace {

constexpr std::size_t stack_size = 64 * 1024;

// What the new process reads in the builder's memory, and where it leaves its errno.
struct Birth {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const int* descriptors;
  int count;
  int beyond;        // a number above all of these
  pid_t parent;      // 0: it outlives whoever started it
  std::byte* stack;  // of the program's process, where it is the child of one that ends at once
  int error;
};

// Runs in the new process on the builder's memory: only system calls.
int be_born(void* argument) {
  auto& birth = *static_cast<Birth*>(argument);
  const auto failed = [&birth] {
    birth.error = errno;
    return 127;
  };
  // Also a group of its own, so that whatever it starts can be ended with it.
  if (::setsid() < 0) return failed();
  // It does not outlive the thread that started it, however slipway ends. An exec that gives rights
  // would undo that, as ssh-agent's does, which belongs to a group of its own.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed();
  if (birth.parent != 0) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return failed();
    if (::getppid() != birth.parent) return failed();
  }
  ::umask(022);
  for (int i = 0; i < birth.count; ++i) {
    if (::dup3(birth.descriptors[i], birth.beyond + i, O_CLOEXEC) < 0) return failed();
  }
  for (int i = 0; i < birth.count; ++i)
    if (::dup3(birth.beyond + i, i, 0) < 0) return failed();
  ::syscall(SYS_close_range, static_cast<unsigned>(birth.count), ~0U, 0U);
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &usual, nullptr);
  usual.sa_handler = SIG_IGN;
  if (birth.parent == 0) ::sigaction(SIGPIPE, &usual, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::chdir("/") != 0) return failed();
  ::execve(birth.program, birth.arguments, birth.environment);
  return failed();
}

// Also on the builder's memory: a process between that one and the program, which ends at once.
int bear(void* argument) {
  auto& birth = *static_cast<Birth*>(argument);
  if (::clone(be_born, birth.stack + stack_size, CLONE_VM | CLONE_VFORK | SIGCHLD, &birth) < 0) {
    birth.error = errno;
  }
  return 0;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// All that a new process reads, as long as it lives.
struct Prepared {
  Prepared(ChildProcess::Call& call, pid_t parent)
      : arguments(pointers(call.arguments)), environment(pointers(call.environment)) {
    birth.program = call.program.c_str();
    birth.arguments = arguments.data();
    birth.environment = environment.data();
    birth.descriptors = call.descriptors.data();
    birth.count = static_cast<int>(call.descriptors.size());
    birth.beyond = birth.count;
    for (const int descriptor : call.descriptors)
      birth.beyond = std::max(birth.beyond, descriptor + 1);
    birth.parent = parent;
  }
  Prepared(const Prepared&) = delete;

  std::vector<char*> arguments;
  std::vector<char*> environment;
  Birth birth{};
};

}  // namespace

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("pipe2", "", errno);
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

void never_block(const FileDescriptor& descriptor) {
  if (::fcntl(descriptor.get(), F_SETFL, O_NONBLOCK) != 0) throw system_error("fcntl", "", errno);
}

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<std::string> find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  return find_program(name, path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin");
}

std::optional<std::string> find_program(std::string_view name, std::string_view search_path) {
  std::string_view rest = search_path;
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    if (rest.starts_with('/')) {
      std::string file = std::string(rest.substr(0, colon)) + "/" + std::string(name);
      struct stat status {};
      if (::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
          ::access(file.c_str(), X_OK) == 0)
        return file;
    }
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return std::nullopt;
}

ChildProcess::ChildProcess(Call call) {
  const Prepared prepared(call, ::getpid());
  const auto stack = std::make_unique<std::byte[]>(stack_size);
  int process = -1;
  Birth birth = prepared.birth;
  {
    const SignalsBlocked blocked;
    // The builder is not copied, however large it is: it lends its memory until the exec.
    pid_ = ::clone(be_born, stack.get() + stack_size,
                   CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &birth, &process);
    if (pid_ < 0) throw system_error("clone", "", errno);
  }
  process_ = FileDescriptor(process);
  if (birth.error != 0) {
    wait();
    throw system_error("execve", call.program, birth.error);
  }
}

ChildProcess::~ChildProcess() {
  // What it started may outlive it, with our pipes in its hands.
  signal(SIGKILL);
  if (pid_ > 0) wait();
}

// The group keeps its number as long as its leader has not been waited for.
void ChildProcess::signal(int number) noexcept {
  if (pid_ > 0) ::kill(-pid_, number);
}

int ChildProcess::wait() noexcept {
  siginfo_t how{};
  while (::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &how, WEXITED) != 0) {
    if (errno != EINTR) {
      pid_ = -1;
      return 128 + SIGKILL;
    }
  }
  pid_ = -1;
  return how.si_code == CLD_EXITED ? how.si_status : 128 + how.si_status;
}

void start_detached(ChildProcess::Call call) {
  const Prepared prepared(call, 0);
  const auto stack = std::make_unique<std::byte[]>(stack_size);
  const auto inner_stack = std::make_unique<std::byte[]>(stack_size);
  Birth birth = prepared.birth;
  birth.stack = inner_stack.get();
  const SignalsBlocked blocked;
  const pid_t between =
      ::clone(bear, stack.get() + stack_size, CLONE_VM | CLONE_VFORK | SIGCHLD, &birth);
  if (between < 0) throw system_error("clone", "", errno);
  while (::waitpid(between, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (birth.error != 0) throw system_error("execve", call.program, birth.error);
}

}  // namespace slipway
