// Limits for all processes of a step together, held by control groups.
#include "executor/sandbox/real_runner.hpp"

#include <executor/sandbox/control_groups.hpp>
#include <executor/sandbox/control_hierarchies.hpp>

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

// Of this test program alone, so that what it finds there is its own.
std::string own_parent() {
  return "/slipway-test-" + std::to_string(::getpid());
}

// The groups of steps below own_parent(), in every hierarchy.
std::vector<fs::path> groups() {
  std::vector<fs::path> found;
  for (const ControlHierarchy& hierarchy : control_hierarchies()) {
    std::error_code none;
    for (fs::directory_iterator entry(hierarchy.mount.string() + own_parent(), none), end;
         entry != end; entry.increment(none)) {
      if (entry->path().filename().string().starts_with("slipway-step-")) {
        found.push_back(entry->path());
      }
    }
  }
  return found;
}

bool parents_are_gone() {
  for (const ControlHierarchy& hierarchy : control_hierarchies()) {
    if (fs::exists(hierarchy.mount.string() + own_parent())) return false;
  }
  return true;
}

// The first line of that of the two files which a step's group has.
std::string value_of(const char* version_1, const char* version_2) {
  for (const fs::path& group : groups()) {
    for (const char* name : {version_1, version_2}) {
      std::ifstream file(group / name);
      std::string line;
      if (std::getline(file, line)) return line;
    }
  }
  return "no such file";
}

// Null, with a message, where limits like these cannot be held on this machine.
std::unique_ptr<ProcessRunner> limited_runner(ResourceLimits limits) {
  if (!real_runner()) return nullptr;
  if (limits.cgroup_parent.empty()) limits.cgroup_parent = own_parent();
  try {
    SandboxOptions options;
    options.limits = limits;
    return sandbox_runner(options);
  } catch (const Error& error) {
    MESSAGE("skipped: " << std::string(error.what()));
    return nullptr;
  }
}

Outcome run_limited(const ResourceLimits& limits, const std::string& command,
                    std::function<void(RunningProcess&)> while_running = nullptr) {
  const auto runner = limited_runner(limits);
  REQUIRE(runner);
  TestStep step(command);
  step.while_running = std::move(while_running);
  return step.with_busybox().with_probe().run(*runner);
}

}  // namespace

// Without a sandbox, so also where overlayfs is older than the steps need.
TEST_CASE("a process that joins a group beside or below slipway's own is held by its limits") {
  ResourceLimits limits;
  limits.memory = 48 << 20;
  limits.memory_swap = 48 << 20;
  limits.pids = 20;
  std::optional<ControlGroups> made;
  try {
    made.emplace(limits);
  } catch (const Error& error) {
    MESSAGE("skipped: " << std::string(error.what()));
    return;
  }
  ControlGroup group = made->make();
  const auto status_of = [&group](std::size_t bytes) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (const int door : group.doors()) {
        if (::write(door, "0", 1) != 1) ::_exit(2);
      }
      void* const memory =
          ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      std::memset(memory, 1, bytes);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  };
  CHECK(status_of(1 << 20) == 0);
  CHECK(!group.out_of_memory());
  const int status = status_of(200 << 20);
  CHECK(WIFSIGNALED(status));
  CHECK(group.out_of_memory());
  group.remove();
  CHECK(group.doors().empty());
  // Nothing of the kind is left in the group that this process is in, nor beside it.
  for (const ControlHierarchy& hierarchy : control_hierarchies()) {
    for (const fs::path& place : {hierarchy.own, hierarchy.own.parent_path()}) {
      for (const auto& entry : fs::directory_iterator(place)) {
        const std::string name = "slipway-step-" + std::to_string(::getpid()) + "-";
        CHECK(!entry.path().filename().string().starts_with(name));
      }
    }
  }
}

TEST_CASE("a step that needs more memory than it may have is ended, and its result says why") {
  ResourceLimits limits;
  limits.memory = 48 << 20;
  limits.memory_swap = 48 << 20;
  if (!limited_runner(limits)) return;
  const std::string fill = "dd if=/dev/zero of=/dev/null bs=200M count=1";
  const Outcome outcome = run_limited(limits, fill);
  CHECK(outcome.exit_code != 0);
  CHECK(outcome.out_of_memory);
  // The shell lives on, and may do without.
  const Outcome survived = run_limited(limits, fill + " 2>/dev/null || echo went on");
  CHECK(survived.exit_code == 0);
  CHECK(survived.out == "went on\n");
  CHECK(survived.out_of_memory);

  const Outcome small = run_limited(limits, "dd if=/dev/zero of=/dev/null bs=1M count=1; exit 9");
  CHECK(small.exit_code == 9);
  CHECK(!small.out_of_memory);
  // Killed by somebody else.
  CHECK(!run_limited(limits, "kill -9 $$").out_of_memory);
  CHECK(parents_are_gone());
}

TEST_CASE("a step cannot have more processes than its limit, and another one can") {
  ResourceLimits limits;
  limits.pids = 10;
  const auto runner = limited_runner(limits);
  if (!runner) return;
  const std::string many =
      "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 5 & done; echo all";
  TestStep step(many);
  const Outcome outcome = step.with_busybox().run(*runner);
  CHECK(outcome.out == "");
  CHECK(outcome.err.find("fork") != std::string::npos);
  // Exactly as many: the shell and nine.
  TestStep nine("for i in 1 2 3 4 5 6 7 8 9; do sleep 0.1 & done; wait; echo all");
  CHECK(nine.with_busybox().run(*runner).out == "all\n");
  CHECK(run_plain(*real_runner(), many).out == "all\n");
}

TEST_CASE("a step runs on the processors that it may use") {
  ResourceLimits limits;
  limits.cpuset_cpus = "0";
  if (!limited_runner(limits)) return;
  CHECK(run_limited(limits, "grep Cpus_allowed_list /proc/self/status | tr -d '\\t'").out ==
        "Cpus_allowed_list:0\n");
}

TEST_CASE("weight and share of the processors' time are written to the step's group") {
  ResourceLimits limits;
  limits.cpu_shares = 512;
  limits.cpu_quota = 50'000;
  limits.cpu_period = 200'000;
  if (!limited_runner(limits)) return;
  std::string quota, weight;
  run_limited(limits, "sleep 1000", [&](RunningProcess& process) {
    quota = value_of("cpu.cfs_quota_us", "cpu.max");
    weight = value_of("cpu.shares", "cpu.weight");
    process.kill();
  });
  CHECK((quota == "50000" || quota == "50000 200000"));
  CHECK((weight == "512" || weight == "59"));
}

TEST_CASE("a step is the root of the groups it sees") {
  ResourceLimits limits;
  limits.memory = 64 << 20;
  limits.pids = 50;
  if (!limited_runner(limits)) return;
  const Outcome outcome = run_limited(limits, "cat /proc/self/cgroup");
  CHECK(outcome.out.find("slipway") == std::string::npos);
  CHECK(outcome.out.find(":/\n") != std::string::npos);
}

TEST_CASE("without limits a step has no group of its own") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("sleep 1000");
  bool found = false;
  step.with_busybox().while_running = [&](RunningProcess& process) {
    for (const ControlHierarchy& hierarchy : control_hierarchies()) {
      for (const auto& entry : fs::directory_iterator(hierarchy.own)) {
        const std::string name = "slipway-step-" + std::to_string(::getpid()) + "-";
        found = found || entry.path().filename().string().starts_with(name);
      }
    }
    process.kill();
  };
  step.run(*runner);
  CHECK(!found);
}

TEST_CASE("no group is left of steps, whether they ended, failed, were killed or never started") {
  ResourceLimits limits;
  limits.memory = 64 << 20;
  limits.pids = 50;
  {
    const auto runner = limited_runner(limits);
    if (!runner) return;
    for (const char* command : {"true", "false", "(setsid sleep 1000 &)"}) {
      TestStep step(command);
      step.with_busybox().run(*runner);
      CHECK(groups().empty());
    }
    TestStep killed("sleep 1000");
    killed.while_running = [](RunningProcess& process) {
      CHECK(!groups().empty());
      process.kill();
    };
    killed.with_busybox().run(*runner);
    CHECK(groups().empty());
    TestStep missing("");
    missing.with_busybox().operation.arguments = {"no-such-program"};
    CHECK_THROWS_AS(missing.run(*runner), Error);
    CHECK(groups().empty());
  }
  CHECK(parents_are_gone());
}

TEST_CASE("steps beside each other have groups of their own") {
  ResourceLimits limits;
  limits.pids = 20;
  const auto runner = limited_runner(limits);
  if (!runner) return;
  std::vector<std::thread> threads;
  std::vector<int> codes(8, -1);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    threads.emplace_back([&, i] {
      TestStep step("for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2 & done; wait; exit " +
                    std::to_string(i));
      codes[i] = step.with_busybox().run(*runner).exit_code;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(codes == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(groups().empty());
}

TEST_CASE("what a builder that was killed has left is removed by the next one, and nothing else") {
  ResourceLimits limits;
  limits.pids = 50;
  limits.cgroup_parent = own_parent();
  if (!limited_runner(limits)) return;
  SandboxOptions options;
  options.limits = limits;
  const pid_t builder = ::fork();  // no runner and no thread exists at this moment
  if (builder == 0) {
    const auto runner = sandbox_runner(options);
    TestStep step("sleep 1000");
    step.with_busybox().run(*runner);
    ::_exit(0);
  }
  // A group with the program in it: while a process of the builder's is on its way to become one,
  // it has the builder's descriptors, and with them the lock of one who lives.
  const auto populated = [] {
    for (const fs::path& group : groups()) {
      std::ifstream file(group / "cgroup.procs");
      for (std::string process; std::getline(file, process);) {
        std::string program;
        std::ifstream("/proc/" + process + "/comm") >> program;
        if (program == "sleep") return true;
      }
    }
    return false;
  };
  for (int tries = 0; tries < 2000 && !populated(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  REQUIRE(populated());
  {
    // The builder is alive: its group is none of ours.
    const auto runner = sandbox_runner(options);
    CHECK(!groups().empty());
  }
  ::kill(builder, SIGKILL);
  ::waitpid(builder, nullptr, 0);
  CHECK(!groups().empty());
  {
    const auto runner = sandbox_runner(options);
    CHECK(groups().empty());
  }
  for (const ControlHierarchy& hierarchy : control_hierarchies()) {
    ::rmdir((hierarchy.mount.string() + own_parent()).c_str());
  }
}

TEST_CASE("a limit that cannot be held is an error that names it") {
  if (!real_runner()) return;
  int told[2];
  REQUIRE(::pipe(told) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::string text = "the mounts cannot be changed";
    // A machine without control groups: this process's own copy of the mounts has none.
    if (::unshare(CLONE_NEWNS) == 0 &&
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) {
      for (const ControlHierarchy& hierarchy : control_hierarchies()) {
        ::umount2(hierarchy.mount.c_str(), MNT_DETACH);
      }
      SandboxOptions options;
      options.limits.memory = 64 << 20;
      try {
        sandbox_runner(options);
        text = "a runner";
      } catch (const Error& error) {
        text = error.what();
      }
    }
    if (::write(told[1], text.data(), text.size()) < 0) ::_exit(1);
    ::_exit(0);
  }
  ::close(told[1]);
  char text[512] = {};
  CHECK(::read(told[0], text, sizeof text - 1) > 0);
  ::close(told[0]);
  ::waitpid(child, nullptr, 0);
  CHECK(std::string(text) ==
        "--memory cannot be held: this machine has no control groups with the controller "
        "\"memory\"");
}
