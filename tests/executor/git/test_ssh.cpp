// Git over ssh, with a real sshd and a real agent.
#include "../../cache/programs.hpp"
#include "../process_variables.hpp"
#include "git_build.hpp"
#include "git_server.hpp"

#include <loopback.hpp>

#include <executor/ssh/key_agent.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return true;
}

// A shell's command that runs until it goes.
class Service {
 public:
  Service(const std::string& command, const fs::path& log) : pid_(::fork()) {
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::setpgid(0, 0);
      const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      ::dup2(output, STDOUT_FILENO);
      ::dup2(output, STDERR_FILENO);
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
  }
  Service(const Service&) = delete;
  ~Service() {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  template <class Ready>
  bool comes_up(const Ready& ready) {
    for (int i = 0; i < 1000; ++i) {
      if (ready()) return true;
      if (::waitpid(pid_, nullptr, WNOHANG) != 0) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

 private:
  pid_t pid_;
};

// Lets this user in who has the key that the agent has.
struct SshHost {
  GitServer files;  // for its repositories; nobody speaks git:// here
  TemporaryFolder folder;
  std::uint16_t port = free_port();
  std::string user = shell("id -un");
  std::string agent = path("agent");
  std::optional<Service> agent_service;
  std::optional<Service> service;

  SshHost() {
    shell("ssh-keygen -q -t ed25519 -N '' -f '" + path("key") + "'");
    new_host_key();
    std::ofstream(path("config"))
        << "Port " << port << "\nListenAddress 127.0.0.1\nHostKey " << path("host")
        << "\nAuthorizedKeysFile " << path("key.pub")
        << "\nStrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\n"
           "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n";
    agent_service.emplace("exec ssh-agent -D -a '" + agent + "'", folder / "log");
    REQUIRE(agent_service->comes_up([&] { return fs::exists(agent); }));
    shell("SSH_AUTH_SOCK='" + agent + "' ssh-add -q '" + path("key") + "'");
    start();
  }
  std::string path(const char* name) const { return (folder / name).string(); }
  void new_host_key() {
    fs::remove(path("host"));
    shell("ssh-keygen -q -t ed25519 -N '' -f '" + path("host") + "'");
  }
  void start() {
    service.reset();
    // Of root it wants a folder that only an init would make: in a /run of its own.
    const std::string own_run = ::geteuid() == 0 ? "unshare --mount sh -c 'mount -t tmpfs run /run "
                                                   "&& mkdir /run/sshd && exec \"$0\" \"$@\"' "
                                                 : "";
    service.emplace("exec " + own_run + "\"$(command -v sshd || echo /usr/sbin/sshd)\" -D -e -f '" +
                        path("config") + "'",
                    folder / "log");
    REQUIRE_MESSAGE(service->comes_up([&] { return accepts(port); }), folder.read("log"));
  }
  std::string url(const std::string& name) const {
    return "ssh://" + user + "@127.0.0.1:" + std::to_string(port) +
           (files.path() / "srv" / name).string();
  }
};

bool has_ssh() {
  return has_programs({"ssh", "ssh-agent", "ssh-keygen"}) &&
         (has_programs({"sshd"}) || fs::exists("/usr/sbin/sshd"));
}

}  // namespace

TEST_CASE("a repository behind ssh opens to the keys of the agent") {
  if (!has_ssh()) return;
  SshHost host;
  const auto repository = host.files.repository("r");
  repository.write("f", "one\n");
  const std::string first = repository.commit("one");
  repository.write("f", "two\n");
  repository.commit("two");

  TestBuild build;
  {
    const ProcessVariables nobody{{"SSH_AUTH_SOCK", "/nonexistent"}};
    const std::string refused = failure_of(build, add_git(host.url("r")));
    contains(refused, "does not let us in");
    contains(refused, "ssh-add");
  }
  const ProcessVariables agent{{"SSH_AUTH_SOCK", host.agent}};
  build.solve(add_git(host.url("r")));
  CHECK(build.file("f") == "two\n");
  build.solve(add_git(host.url("r") + "#" + first, "--keep-git-dir"));
  CHECK(build.file("f") == "one\n");
  contains(failure_of(build, add_git(host.url("absent"))), "there is no repository");
  contains(failure_of(build, add_git(host.url("r") + "#mian")), "did you mean \"main\"?");
}

TEST_CASE("git asks the agent that the build was given as default, before the environment's") {
  if (!has_ssh()) return;
  SshHost host;
  const auto repository = host.files.repository("r");
  repository.write("f", "one\n");
  repository.commit("one");
  shell("ssh-keygen -q -t ed25519 -N '' -f '" + host.path("stranger") + "'");
  const KeyAgent right({host.path("key")});
  const KeyAgent wrong({host.path("stranger")});

  TestBuild build;
  build.ssh_agents["default"] = wrong.socket();
  {
    const ProcessVariables agent{{"SSH_AUTH_SOCK", host.agent}};
    contains(failure_of(build, add_git(host.url("r"))), "does not let us in");
  }
  const ProcessVariables nobody{{"SSH_AUTH_SOCK", "/nonexistent"}};
  build.ssh_agents["default"] = right.socket();
  build.solve(add_git(host.url("r")));
  CHECK(build.file("f") == "one\n");
  // A plan asks as the build does.
  for (const PlannedStep& step : build.plan(add_git(host.url("r"))))
    CHECK(step.outcome != PlannedStep::Outcome::unknown);
}

TEST_CASE("an ssh host has to keep the key that it was first seen with") {
  if (!has_ssh()) return;
  SshHost host;
  const auto repository = host.files.repository("r");
  repository.write("f", "one\n");
  repository.commit("one");
  const ProcessVariables agent{{"SSH_AUTH_SOCK", host.agent}};
  TestBuild build;
  build.solve(add_git(host.url("r")));

  host.new_host_key();
  host.start();
  const std::string refused = failure_of(build, add_git(host.url("r")));
  contains(refused, "has another key than before");
  const fs::path known = build.store().state().root() / "git/known_hosts";
  contains(refused, known.string());
  fs::remove(known);
  build.solve(add_git(host.url("r")));
  CHECK(build.file("f") == "one\n");
}

TEST_CASE("user@host:path is ssh, too") {
  // The port cannot be chosen in this form.
  if (accepts(22)) {
    MESSAGE("skipped: somebody listens on port 22");
    return;
  }
  if (!has_programs({"ssh"})) return;
  TestBuild build;
  const std::string refused = failure_of(build, add_git("git@127.0.0.1:owner/r.git"));
  contains(refused, "cannot reach the repository \"git@127.0.0.1:owner/r.git\"");
  contains(refused, "connect to host 127.0.0.1 port 22");
}
