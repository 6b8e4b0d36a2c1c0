#include <executor/git/program.hpp>

#include <cache/file_descriptor.hpp>
#include <executor/spawn.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <optional>

namespace slipway {
namespace {

using Clock = std::chrono::steady_clock;

// The list of a repository's files is the longest answer that is ever asked for.
constexpr std::size_t most_output = 256U << 20U;
constexpr std::size_t most_errors = 64U << 10U;
constexpr std::size_t stack_size = 64 * 1024;
// Between SIGTERM, upon which git removes its temporary files, and SIGKILL.
constexpr std::chrono::seconds grace{2};

std::string find_git() {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    // Only from where programs are: never from the current directory.
    if (rest.starts_with('/')) {
      std::string file = std::string(rest.substr(0, colon)) + "/git";
      struct stat status {};
      if (::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
          ::access(file.c_str(), X_OK) == 0)
        return file;
    }
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  throw Error("the program git is not installed, and a git repository needs it")
      .hint("install git, or download the files and give them as a directory");
}

// What every git command is told.
const std::vector<std::pair<std::string, std::string>>& base_config() {
  static const std::vector<std::pair<std::string, std::string>> config = {
      {"core.hooksPath", "/dev/null"},
      {"core.fsmonitor", "false"},
      {"core.attributesFile", "/dev/null"},
      {"core.excludesFile", "/dev/null"},
      {"core.autocrlf", "false"},
      {"core.askPass", ""},
      {"credential.helper", ""},
      // Both would leave a process behind that works in a repository nobody holds the lock of.
      {"gc.auto", "0"},
      {"maintenance.auto", "false"},
      {"fetch.recurseSubmodules", "false"},
      {"submodule.recurse", "false"},
      {"fetch.writeCommitGraph", "false"},
      {"transfer.bundleURI", "false"},
      {"init.defaultBranch", "master"},
      {"advice.detachedHead", "false"},
      {"protocol.version", "2"},
      // Less than a byte a second for two minutes is a dead connection.
      {"http.lowSpeedLimit", "1"},
      {"http.lowSpeedTime", "120"},
      // The same pack for the same objects, whatever the number of cores.
      {"pack.threads", "1"},
  };
  return config;
}

std::vector<std::string> environment_of(const GitCommand& command) {
  std::vector<std::string> environment = {
      "LC_ALL=C",
      "HOME=/dev/null",
      "XDG_CONFIG_HOME=/dev/null",
      "GIT_CONFIG_NOSYSTEM=1",
      "GIT_CONFIG_SYSTEM=/dev/null",
      "GIT_CONFIG_GLOBAL=/dev/null",
      "GIT_ATTR_NOSYSTEM=1",
      "GIT_TERMINAL_PROMPT=0",
      "GIT_OPTIONAL_LOCKS=0",
      "GIT_NO_REPLACE_OBJECTS=1",
      "GIT_LITERAL_PATHSPECS=1",
      "GIT_SSH_VARIANT=ssh",
      // An empty list would allow everything.
      "GIT_ALLOW_PROTOCOL=" + (command.protocols.empty() ? "none" : command.protocols),
      // Not found by looking around: the current directory may lie in anybody's repository.
      "GIT_DIR=" + (command.git_dir.empty() ? "/dev/null/none" : command.git_dir.string()),
  };
  if (!command.work_tree.empty())
    environment.push_back("GIT_WORK_TREE=" + command.work_tree.string());
  if (!command.index_file.empty())
    environment.push_back("GIT_INDEX_FILE=" + command.index_file.string());
  environment.push_back("GIT_SSH_COMMAND=" +
                        (command.ssh_command.empty() ? "false" : command.ssh_command));
  for (const char* name : {"PATH", "SSH_AUTH_SOCK", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
                           "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"}) {
    if (const char* value = std::getenv(name))
      environment.push_back(std::string(name) + "=" + value);
  }
  // git and its libcurl know the roots that are named for all programs by other names only.
  for (const auto& [name, own] :
       {std::pair<const char*, const char*>{"SSL_CERT_FILE", "GIT_SSL_CAINFO"},
        {"SSL_CERT_DIR", "GIT_SSL_CAPATH"}}) {
    if (const char* value = std::getenv(name))
      environment.push_back(std::string(own) + "=" + value);
  }
  std::size_t count = 0;
  const auto set = [&](const auto& entries) {
    for (const auto& [key, value] : entries) {
      const std::string number = std::to_string(count++);
      environment.push_back("GIT_CONFIG_KEY_" + number + "=" + key);
      environment.push_back("GIT_CONFIG_VALUE_" + number + "=" + value);
    }
  };
  set(base_config());
  set(command.config);
  environment.push_back("GIT_CONFIG_COUNT=" + std::to_string(count));
  return environment;
}

// What the new process reads in the builder's memory, and where it leaves its errno.
struct Birth {
  const char* program;
  char* const* arguments;
  char* const* environment;
  std::array<int, 4> descriptors;  // what it is to have as 0, 1, 2 and 3
  int count;
  int beyond;  // a number above all of these
  pid_t parent;
  int error;
};

// Runs in the new process on the builder's memory: only system calls.
int be_born(void* argument) {
  auto& birth = *static_cast<Birth*>(argument);
  const auto failed = [&birth] {
    birth.error = errno;
    return 127;
  };
  // A group of its own, so that whatever git starts can be ended with it.
  if (::setpgid(0, 0) != 0) return failed();
  // git does not outlive the thread that waits for it, however slipway ends.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return failed();
  if (::getppid() != birth.parent) return failed();
  ::umask(022);
  for (int i = 0; i < birth.count; ++i) {
    const int from = birth.descriptors[static_cast<std::size_t>(i)];
    if (::dup3(from, birth.beyond + i, O_CLOEXEC) < 0) return failed();
  }
  for (int i = 0; i < birth.count; ++i)
    if (::dup3(birth.beyond + i, i, 0) < 0) return failed();
  ::syscall(SYS_close_range, static_cast<unsigned>(birth.count), ~0U, 0U);
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &usual, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::chdir("/") != 0) return failed();
  ::execve(birth.program, birth.arguments, birth.environment);
  return failed();
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// A running git with its pipes. Dead when it goes.
class Child {
 public:
  explicit Child(const GitCommand& command) {
    std::string program = find_git();
    std::vector<std::string> arguments = {"git"};
    arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
    std::vector<std::string> environment = environment_of(command);
    const std::vector<char*> argument_list = pointers(arguments);
    const std::vector<char*> environment_list = pointers(environment);

    const FileDescriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null) throw system_error("open", "/dev/null", errno);
    Pipe out = make_pipe();
    Pipe error = make_pipe();
    never_block(out.read);
    never_block(error.read);
    Birth birth{};
    birth.program = program.c_str();
    birth.arguments = argument_list.data();
    birth.environment = environment_list.data();
    birth.descriptors = {null.get(), out.write.get(), error.write.get(), command.lock};
    birth.count = command.lock < 0 ? 3 : 4;
    birth.beyond =
        std::max(4, *std::max_element(birth.descriptors.begin(), birth.descriptors.end()) + 1);
    birth.parent = ::getpid();
    const auto stack = std::make_unique<std::byte[]>(stack_size);
    int process = -1;
    {
      const SignalsBlocked blocked;
      // The builder is not copied, however large it is: it lends its memory until the exec.
      pid_ = ::clone(be_born, stack.get() + stack_size,
                     CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &birth, &process);
      if (pid_ < 0) throw system_error("clone", "", errno);
    }
    process_ = FileDescriptor(process);
    output = std::move(out.read);
    errors = std::move(error.read);
    if (birth.error != 0) {
      wait();
      throw system_error("execve", program, birth.error);
    }
  }
  Child(const Child&) = delete;
  ~Child() {
    // What git started may outlive it, with our pipes in its hands.
    signal(SIGKILL);
    if (pid_ > 0) wait();
  }

  // Of the group, which keeps its number as long as git itself has not been waited for.
  void signal(int number) noexcept {
    if (pid_ > 0) ::kill(-pid_, number);
  }
  int process() const { return process_.get(); }
  // The exit status as a shell has it.
  int wait() noexcept {
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

  FileDescriptor output;
  FileDescriptor errors;

 private:
  pid_t pid_ = -1;  // -1: waited for
  FileDescriptor process_;
};

void hide(std::string& text, const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    if (secret.empty()) continue;
    for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += 5)
      text.replace(at, secret.size(), "xxxxx");
  }
}

// git's progress as whole lines: of a line that is drawn over and over, what stands at the end.
class Lines {
 public:
  Lines(const GitCommand& command, const GitListener& listener)
      : command_(command), listener_(listener) {}

  void add(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\n') {
        flush();
      } else if (c == '\r') {
        redrawn_ = true;
      } else {
        if (redrawn_) line_.clear();
        redrawn_ = false;
        if (line_.size() < 4096) line_ += c;
      }
    }
  }
  void flush() {
    hide(line_, command_.secrets);
    if (!line_.empty() && listener_.output) listener_.output(line_ + "\n");
    line_.clear();
    redrawn_ = false;
  }

 private:
  const GitCommand& command_;
  const GitListener& listener_;
  std::string line_;
  bool redrawn_ = false;
};

// True: there may be more. False: end of file.
bool read_some(const FileDescriptor& descriptor, std::string& text) {
  char buffer[65536];
  const ssize_t got = ::read(descriptor.get(), buffer, sizeof buffer);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return true;
    throw system_error("read", "git", errno);
  }
  text.append(buffer, static_cast<std::size_t>(got));
  return got > 0;
}

}  // namespace

GitOutcome run_git(const GitCommand& command, const GitListener& listener) {
  GitOutcome outcome;
  Lines lines(command, listener);
  Child child(command);
  bool output_open = true;
  bool errors_open = true;
  std::optional<Clock::time_point> ended;
  std::optional<Clock::time_point> told_to_end;
  const char* killed = nullptr;  // why
  Clock::time_point heard = Clock::now();
  while (output_open || errors_open || !ended) {
    std::array<pollfd, 3> waiting = {{{output_open ? child.output.get() : -1, POLLIN, 0},
                                      {errors_open ? child.errors.get() : -1, POLLIN, 0},
                                      {ended ? -1 : child.process(), POLLIN, 0}}};
    if (::poll(waiting.data(), waiting.size(), 100) < 0 && errno != EINTR)
      throw system_error("poll", "git", errno);
    const auto now = Clock::now();
    if (waiting[0].revents != 0) {
      output_open = read_some(child.output, outcome.output);
      heard = now;
      if (outcome.output.size() > most_output) {
        throw Error("git gives more than " + std::to_string(most_output >> 20U) +
                    " MiB where a list is expected");
      }
    }
    if (waiting[1].revents != 0) {
      std::string text;
      errors_open = read_some(child.errors, text);
      heard = now;
      if (command.show) lines.add(text);
      outcome.errors += text;
      if (outcome.errors.size() > 2 * most_errors)
        outcome.errors.erase(0, outcome.errors.size() - most_errors);
    }
    if (waiting[2].revents != 0) ended = now;
    // A helper that git left behind may hold the pipes; nobody waits for it.
    if (ended && now - *ended > grace) break;
    if (killed == nullptr && listener.cancelled && listener.cancelled()) killed = "cancelled";
    if (killed == nullptr && command.patience.count() > 0 && now - heard > command.patience)
      killed = "silent";
    if (killed == nullptr) continue;
    if (!told_to_end) {
      told_to_end = now;
      child.signal(SIGTERM);
    } else if (now - *told_to_end > grace) {
      child.signal(SIGKILL);
    }
  }
  // Git has ended, or the loop was left because of helpers that did not.
  child.signal(SIGKILL);
  outcome.status = child.wait();
  hide(outcome.errors, command.secrets);
  if (killed != nullptr) {
    if (std::string_view(killed) == "cancelled") throw Error("git was stopped with the build");
    throw Error("git heard nothing from the repository for " +
                std::to_string(command.patience.count()) + " seconds")
        .detail(outcome.errors);
  }
  if (command.show) lines.flush();
  return outcome;
}

}  // namespace slipway
