#include "../child_process.hpp"
#include "../temporary_folder.hpp"

#include <cache/containers/state.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

using namespace slipway;

namespace {

std::string this_boot() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

// Field 22 of a process, by its name-free text.
std::int64_t start_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream rest(text.substr(text.rfind(')') + 2));
  std::string word;
  for (int field = 3; field <= 22; ++field) rest >> word;
  return std::stoll(word);
}

ContainerState full_state() {
  ContainerState state;
  state.status = ContainerStatus::paused;
  state.boot = "a-boot";
  state.monitor = {12, 34};
  state.process = {56, 78};
  state.started = 1'700'000'000'123'456'789;
  state.finished = 1'700'000'001'000'000'000;
  state.exit_code = 130;
  state.out_of_memory = true;
  state.error = "no such program: \"x\" and more";
  state.address = "10.0.2.100";
  state.ports = {{"127.0.0.1", 8080, 80, "tcp"}, {"", 65535, 53, "udp"}, {"::1", 1, 2, "tcp"}};
  return state;
}

ContainerState running() {
  ContainerState state;
  state.status = ContainerStatus::running;
  state.boot = this_boot();
  state.started = 1;
  state.address = "10.0.2.100";
  state.ports = {{"", 80, 80, "tcp"}};
  return state;
}

}  // namespace

TEST_CASE("a state comes back as it was written") {
  const ContainerState state = full_state();
  // Each field by its name: one that is added is to be written, and to be listed here.
  const auto& [status, boot, monitor, process, started, finished, exit_code, out_of_memory, error,
               address, ports] = state;
  const ContainerState none;
  CHECK(status != none.status);
  CHECK(boot != none.boot);
  CHECK(monitor != none.monitor);
  CHECK(process != none.process);
  CHECK(started != none.started);
  CHECK(finished != none.finished);
  CHECK(exit_code != none.exit_code);
  CHECK(out_of_memory != none.out_of_memory);
  CHECK(error != none.error);
  CHECK(address != none.address);
  CHECK(ports != none.ports);
  CHECK(parse_state(write_state(state)) == state);
  CHECK(parse_state(write_state({})) == ContainerState());
}

TEST_CASE("an error's lines become one, so that it says nothing else") {
  ContainerState state;
  state.error = "first\nstatus running\nboot x";
  const ContainerState read = parse_state(write_state(state));
  CHECK(read.status == ContainerStatus::created);
  CHECK(read.boot.empty());
  CHECK(read.error == "first status running boot x");
}

TEST_CASE("whatever a state file holds, it is read") {
  CHECK(parse_state("") == ContainerState());
  CHECK(parse_state("\n\n \n  \nstatus\nstatus \nport\nmonitor\nexit x\n").exit_code == 0);
  CHECK(parse_state("status flying\nwings 2\nexit 3").exit_code == 3);
  CHECK(parse_state("exit 99999999999999999999").exit_code == 0);
  CHECK(parse_state("port 1.2.3.4 70000 -1 tcp\n").ports.size() == 1);
  std::mt19937 random(8);
  const std::string good = write_state(full_state());
  for (int round = 0; round < 20'000; ++round) {
    std::string text = good;
    for (unsigned change = 1 + random() % 4; change > 0; --change) {
      const std::size_t place = random() % (text.size() + 1);
      switch (random() % 4) {
        case 0:
          text.resize(place);
          break;
        case 1:
          text.insert(place, 1, static_cast<char>(random()));
          break;
        case 2:
          if (place < text.size()) text[place] = static_cast<char>(random());
          break;
        default:
          text.insert(place, text, 0, random() % text.size());
      }
      if (text.empty()) break;
    }
    // It settles: what was understood is written as it is read again.
    const ContainerState read = parse_state(text);
    REQUIRE(parse_state(write_state(read)).status == read.status);
  }
}

TEST_CASE("a container runs as long as its lock is held in this boot") {
  TemporaryFolder folder;
  CHECK(container_state(folder.path()).status == ContainerStatus::created);
  put_state(folder.path(), running());
  {
    const auto lock = ContainerLock::attempt(folder.path());
    REQUIRE(lock);
    CHECK(container_state(folder.path()) == running());
    // Another boot's is nobody's, whoever holds its lock.
    ContainerState before = running();
    before.boot = "another";
    put_state(folder.path(), before);
    CHECK(container_state(folder.path()).status == ContainerStatus::exited);
    put_state(folder.path(), running());
  }
  const ContainerState left = container_state(folder.path());
  CHECK(left.status == ContainerStatus::exited);
  CHECK(left.exit_code == 137);
  CHECK(left.finished > 1);
  CHECK(left.address.empty());
  CHECK(left.ports.empty());
  CHECK(left.monitor == ProcessId());
  // Looking has written nothing.
  CHECK(parse_state(folder.read("state")).status == ContainerStatus::running);
}

TEST_CASE("looking at a lock is not in the way of taking it") {
  TemporaryFolder folder;
  put_state(folder.path(), running());
  { const auto made = ContainerLock::attempt(folder.path()); }
  ChildProcess looker([&](const ChildProcess& self) {
    self.ready();
    for (;;) (void)container_state(folder.path());
    return true;
  });
  looker.wait_until_ready();
  for (int i = 0; i < 2000; ++i) REQUIRE(ContainerLock::attempt(folder.path()));
}

TEST_CASE("a lock is exclusive, within a process and beyond, and is inherited") {
  TemporaryFolder folder;
  auto lock = ContainerLock::attempt(folder.path());
  REQUIRE(lock);
  CHECK_FALSE(ContainerLock::attempt(folder.path()));
  ChildProcess other([&](const ChildProcess&) { return !ContainerLock::attempt(folder.path()); });
  CHECK(other.succeeded());
  // A monitor gets the descriptor by a fork, and has the lock when its starter is gone.
  ChildProcess monitor([&](const ChildProcess& self) {
    self.ready();
    ::pause();
    return true;
  });
  monitor.wait_until_ready();
  lock.reset();
  CHECK_FALSE(ContainerLock::attempt(folder.path()));
  monitor.kill();
  CHECK(ContainerLock::attempt(folder.path()));
}

TEST_CASE("who waits for the lock of a container that is removed hears that it is gone") {
  TemporaryFolder folder;
  const std::filesystem::path container = folder / "c";
  CHECK_THROWS_AS((void)ContainerLock::attempt(container), NoSuchContainer);
  std::filesystem::create_directory(container);
  CHECK(ContainerLock::attempt(container));
}

TEST_CASE(
    "who looks at a container without its monitor ends what that has left, and nothing else") {
  TemporaryFolder folder;
  const pid_t left = ::fork();
  REQUIRE(left >= 0);
  if (left == 0) {
    ::pause();
    ::_exit(0);
  }
  ContainerState state = running();
  state.process = {left, start_of(left)};
  put_state(folder.path(), state);
  {
    const auto answered_for = ContainerLock::attempt(folder.path());
    REQUIRE(answered_for);
    CHECK(container_state(folder.path()).alive());
  }
  ++state.process.start;  // another process's number
  put_state(folder.path(), state);
  CHECK_FALSE(container_state(folder.path()).alive());
  CHECK(::waitpid(left, nullptr, WNOHANG) == 0);
  --state.process.start;
  put_state(folder.path(), state);
  CHECK(container_state(folder.path()).exit_code == 137);
  int status = 0;
  REQUIRE(::waitpid(left, &status, WNOHANG) == left);
  CHECK(WTERMSIG(status) == SIGKILL);
}

TEST_CASE("settling ends what a killed monitor has left, and nothing else") {
  TemporaryFolder folder;
  const auto lock = ContainerLock::attempt(folder.path());
  REQUIRE(lock);
  const pid_t left = ::fork();
  REQUIRE(left >= 0);
  if (left == 0) {
    ::pause();
    ::_exit(0);
  }
  ContainerState state = running();
  // A number that another process has got by now: it lives on.
  state.process = {left, start_of(left) + 1};
  put_state(folder.path(), state);
  CHECK(settle(folder.path(), *lock).exit_code == 137);
  CHECK(::kill(left, 0) == 0);
  CHECK(::waitpid(left, nullptr, WNOHANG) == 0);
  // Of an earlier boot: the numbers say nothing.
  state.process = {left, start_of(left)};
  state.boot = "another";
  put_state(folder.path(), state);
  CHECK(settle(folder.path(), *lock).status == ContainerStatus::exited);
  CHECK(::waitpid(left, nullptr, WNOHANG) == 0);

  state.boot = this_boot();
  put_state(folder.path(), state);
  const ContainerState settled = settle(folder.path(), *lock);
  CHECK(settled.status == ContainerStatus::exited);
  CHECK(settled == parse_state(folder.read("state")));
  int status = 0;
  REQUIRE(::waitpid(left, &status, WNOHANG) == left);
  CHECK(WTERMSIG(status) == SIGKILL);
  // What has ended in order stays as it is.
  state = running();
  state.status = ContainerStatus::exited;
  state.exit_code = 3;
  put_state(folder.path(), state);
  CHECK(settle(folder.path(), *lock) == state);
}

TEST_CASE("a state of many ports is read whole") {
  TemporaryFolder folder;
  ContainerState state;
  for (unsigned port = 1; port <= 65535; ++port)
    state.ports.push_back(
        {"127.0.0.1", static_cast<std::uint16_t>(port), static_cast<std::uint16_t>(port), "tcp"});
  put_state(folder.path(), state);
  CHECK(container_state(folder.path()) == state);
}
