// Nothing of a step is left when its end is told: no process, no mount, nothing shared.
#include "executor/sandbox/real_runner.hpp"
#include "mounts.hpp"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

// As much as there is: what /proc has of a process may end at any moment.
std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A number that no other program sleeps for: its processes are found by it.
std::string unique_time() { return "98" + std::to_string(::getpid()); }

// Of this machine, those that sleep for unique_time().
std::size_t sleepers() {
  std::size_t count = 0;
  std::error_code gone;
  for (fs::directory_iterator entry("/proc", gone), end; entry != end; entry.increment(gone)) {
    const std::string name = entry->path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (content(entry->path() / "cmdline").find(unique_time() + '\0') != std::string::npos) ++count;
  }
  return count;
}

void await_sleepers(std::size_t number) {
  std::size_t found = sleepers();
  for (int tries = 0; tries < 6000 && found < number; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    found = sleepers();
  }
  REQUIRE(found >= number);
}

// What processes share beyond files, as this machine's own namespace has it.
std::string shared_things() {
  std::string all;
  for (const char* list : {"shm", "sem", "msg"}) {
    all += content(fs::path("/proc/sysvipc") / list) + "\n";
  }
  std::error_code none;
  for (const char* place : {"/dev/shm", "/dev/mqueue"}) {
    for (fs::directory_iterator entry(place, none), end; entry != end; entry.increment(none)) {
      if (entry->path().filename() == "left") all += entry->path().string() + "\n";
    }
  }
  return all;
}

}  // namespace

TEST_CASE("a daemon of two forks and a session of its own ends with its step") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep step("probe daemon /bin/sleep " + unique_time() + "; until ps | grep -q '[s]leep " +
                unique_time() + "'; do :; done; echo here");
  const Outcome outcome = step.with_busybox().with_probe().run(*runner);
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.out == "here\n");
  CHECK(sleepers() == 0);
}

TEST_CASE("a step that is killed ends whatever its processes ignore, and however many there are") {
  const auto runner = real_runner();
  if (!runner) return;
  const auto killed = [&](const std::string& command, std::size_t processes) {
    TestStep step(command);
    step.while_running = [processes](RunningProcess& process) {
      await_sleepers(processes);
      process.kill();
    };
    CHECK(step.with_busybox().with_probe().run(*runner).exit_code == 137);
    CHECK(sleepers() == 0);
  };
  const std::string asleep = "sleep " + unique_time();
  SUBCASE("a program that ignores every signal it can") {
    killed("trap '' 1 2 3 6 13 14 15; " + asleep, 1);
  }
  SUBCASE("a process that is stopped") { 
    // Not before it is one that is found.
    killed(asleep + " & until grep -q sleep /proc/$!/comm; do :; done; kill -STOP $!; wait", 1);
  }
  SUBCASE("daemons, with the program gone to sleep") {
    killed("for i in 1 2 3; do probe daemon /bin/" + asleep + "; done; " + asleep, 4);
  }
  SUBCASE("three hundred of them") {
    killed("for i in $(seq 300); do " + asleep + " & done; wait", 300);
  }
}

TEST_CASE("a step's end is not told while one of its processes lives") {
  const auto runner = real_runner();
  if (!runner) return;
  for (int i = 0; i < 20; ++i) {
    TestStep step("for i in 1 2 3 4 5; do probe daemon /bin/sleep " + unique_time() + "; done");
    CHECK(step.with_busybox().with_probe().run(*runner).exit_code == 0);
    CHECK(sleepers() == 0);
  }
}

TEST_CASE("memory, semaphores and queues that a step shares are its own and go with it") {
  const auto runner = real_runner();
  if (!runner) return;
  const std::string before = shared_things();
  TestStep first("probe leave 4711; ls /dev/shm /dev/mqueue; wc -l < /proc/sysvipc/shm");
  const Outcome made = first.with_busybox().with_probe().run(*runner);
  CHECK(made.exit_code == 0);
  CHECK(made.out == "/dev/mqueue:\nleft\n\n/dev/shm:\nleft\n2\n");
  CHECK(shared_things() == before);
  TestStep second(
      "ls -A /dev/shm /dev/mqueue; cat /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg | wc -l");
  CHECK(second.with_busybox().run(*runner).out == "/dev/mqueue:\n\n/dev/shm:\n3\n");
  CHECK(first.left().empty());
}

TEST_CASE("what a privileged step mounts is gone with it, and the machine never saw it") {
  const auto runner = real_runner(every_entitlement());
  if (!runner) return;
  const MountsOfOurOwn mounts;
  TestStep step(
      "mkdir /m /n && mount -t tmpfs none /m && touch /m/file && mount -o bind /m /n && ls /n;"
      "mount --make-rshared / ; mount -t tmpfs none /n; sleep 0.05");
  step.with_busybox().operation.security = RunProcess::Security::insecure;
  std::string during;
  step.while_running = [&](RunningProcess&) {
    for (int i = 0; i < 10; ++i) {
      during += mounts.added();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  };
  CHECK(step.run(*runner).out == "file\n");
  CHECK(during == "");
  CHECK(mounts.added() == "");
  CHECK(step.left() == std::vector<std::string>{"m/", "n/"});
}
