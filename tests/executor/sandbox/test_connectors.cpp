// The programs that connect steps to the network: when they are started, when they end, and what
// happens without them.
#include "executor/process_variables.hpp"
#include "network_machine.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

// What a runner says of the machine.
class Told {
 public:
  std::function<void(const Diagnostic&)> listener() {
    return [this](const Diagnostic& note) {
      const std::lock_guard lock(mutex_);
      notes_.push_back(note);
    };
  }
  std::vector<Diagnostic> notes() const {
    const std::lock_guard lock(mutex_);
    return notes_;
  }

 private:
  mutable std::mutex mutex_;  // guards the notes, which come from any thread
  std::vector<Diagnostic> notes_;
};

}  // namespace

TEST_CASE("no program is started for a step that sends nothing") {
  SKIP_WITHOUT_MACHINE();
  const auto runner = runner_with();
  const BesideStep quiet(*runner,
                         "probe talk own; nc -l -p 7777 < /dev/null & sleep 0.2; "
                         "echo x | nc 127.0.0.1 7777; touch /ready; sleep 1000");
  REQUIRE(quiet.ready);
  CHECK(connectors_of(::getpid()).empty());
  const Greeter elsewhere(outside);
  const BesideStep loud(*runner, greeting_from(outside) + " > /ready; sleep 1000");
  REQUIRE(loud.ready);
  CHECK(wait_until([&] { return elsewhere.greeted == 1; }));
  CHECK(connectors_of(::getpid()).size() == 1);
}

TEST_CASE("fifty steps leave no process and no descriptor") {
  SKIP_WITHOUT_MACHINE();
  const auto descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  const Greeter elsewhere(outside);
  const auto before = descriptors();
  {
    const auto runner = runner_with();
    for (int i = 0; i < 50; ++i) {
      const bool sends = i % 5 == 0;
      CHECK(run_with(*runner, sends ? greeting_from(outside) : "true").out ==
            (sends ? "hello\n" : ""));
    }
  }
  CHECK(connectors_of(::getpid()).empty());
  CHECK(wait_until([&] { return descriptors() == before; }));
}

TEST_CASE("a builder that is killed takes the connection of its step with it") {
  SKIP_WITHOUT_MACHINE();
  for (const std::string& program : programs()) {
    CAPTURE(program);
    TestStep step(greeting_from(outside) + " > /got; sleep 1000");
    step.with_busybox();
    const pid_t builder = ::fork();  // no runner, no server and so no thread exists at this moment
    if (builder == 0) {
      const auto runner = runner_by(program);
      step.run(*runner);
      ::_exit(0);
    }
    std::vector<pid_t> connectors;
    CHECK(wait_until([&] { return !(connectors = connectors_of(builder)).empty(); }));
    ::kill(builder, SIGKILL);
    ::waitpid(builder, nullptr, 0);
    for (const pid_t one : connectors) {
      CHECK(wait_until([one] { return ::kill(one, 0) != 0 && errno == ESRCH; }));
    }
  }
}

TEST_CASE("without a program steps share the host's network, and the build says so once") {
  SKIP_WITHOUT_MACHINE();
  const Greeter at_home("127.0.0.1");
  const Scratchpad empty;
  const ProcessVariables path({{"PATH", empty.path()}});
  const AbstractSocket abstract;
  Told told;
  const auto runner = runner_with([&](SandboxOptions& options) { options.note = told.listener(); });
  CHECK(told.notes().empty());
  for (int i = 0; i < 2; ++i) {
    CHECK(run_with(*runner, greeting_from("127.0.0.1")).out == "hello\n");
  }
  // What the network does not keep apart here, Landlock does.
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) >= 6) {
    CHECK(run_with(*runner, "probe connect " + abstract.name).out == std::to_string(EPERM) + "\n");
  } else {
    MESSAGE("skipped: this kernel's Landlock has no scopes (Linux 6.12)");
  }
  const std::vector<Diagnostic> notes = told.notes();
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].message.starts_with("RUN shares the host's network: "));
  CHECK(notes[0].hint.find("slirp4netns") != std::string::npos);
}

TEST_CASE("a program that fails leaves steps without network, never in the host's") {
  SKIP_WITHOUT_MACHINE();
  const Greeter elsewhere(outside);
  const Greeter at_home("127.0.0.1");
  const Scratchpad folder;
  write_file(folder.path() / "slirp4netns", "#!/bin/sh\necho this is broken >&2\nexit 3\n");
  fs::permissions(folder.path() / "slirp4netns", fs::perms(0755));
  const ProcessVariables path({{"PATH", folder.path()}});
  Told told;
  {
    const auto runner = runner_with([&](SandboxOptions& options) {
      options.network_program = "slirp4netns";
      options.note = told.listener();
    });
    for (int i = 0; i < 2; ++i) {
      CHECK(run_with(*runner, greeting_from(outside) + "; " + greeting_from("127.0.0.1")).out ==
            "");
    }
  }
  const std::vector<Diagnostic> notes = told.notes();
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].message ==
        "RUN could not be connected to the network: slirp4netns: this is broken");
}
