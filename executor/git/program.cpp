#include <executor/git/program.hpp>

#include <cache/file_descriptor.hpp>
#include <executor/spawn.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <optional>

namespace slipway {
namespace {

using Clock = std::chrono::steady_clock;

// The list of a repository's files is the longest answer that is ever asked for.
constexpr std::size_t most_output = 256U << 20U;
constexpr std::size_t most_errors = 64U << 10U;
// Between SIGTERM, upon which git removes its temporary files, and SIGKILL.
constexpr std::chrono::seconds grace{2};

std::string find_git() {
  if (auto file = find_program("git")) return *std::move(file);
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
  if (!command.ssh_agent.empty()) {
    environment.push_back("SSH_AUTH_SOCK=" + command.ssh_agent.string());
  } else if (const char* agent = std::getenv("SSH_AUTH_SOCK")) {
    environment.push_back(std::string("SSH_AUTH_SOCK=") + agent);
  }
  for (const char* name : {"PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
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

// A running git with its pipes. Dead when it goes.
class Child {
 public:
  explicit Child(const GitCommand& command) {
    const FileDescriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null) throw system_error("open", "/dev/null", errno);
    Pipe out = make_pipe();
    Pipe error = make_pipe();
    never_block(out.read);
    never_block(error.read);
    ChildProcess::Call call;
    call.program = find_git();
    call.arguments = {"git"};
    call.arguments.insert(call.arguments.end(), command.arguments.begin(), command.arguments.end());
    call.environment = environment_of(command);
    call.descriptors = {null.get(), out.write.get(), error.write.get()};
    if (command.lock >= 0) call.descriptors.push_back(command.lock);
    git.emplace(std::move(call));
    output = std::move(out.read);
    errors = std::move(error.read);
  }

  std::optional<ChildProcess> git;
  FileDescriptor output;
  FileDescriptor errors;
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
                                      {ended ? -1 : child.git->descriptor(), POLLIN, 0}}};
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
      child.git->signal(SIGTERM);
    } else if (now - *told_to_end > grace) {
      child.git->signal(SIGKILL);
    }
  }
  // Git has ended, or the loop was left because of helpers that did not.
  child.git->signal(SIGKILL);
  outcome.status = child.git->wait();
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
