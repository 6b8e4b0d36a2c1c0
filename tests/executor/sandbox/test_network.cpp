// RUN's default network: the step's own, connected to the outside.
//
// The "machine" is a network namespace that this program enters before main(): its loopback device,
// and one with the address `outside` and a default route. Servers of this process stand for other
// machines. /etc/resolv.conf is the test's own, in a mount namespace.
#include "executor/process_variables.hpp"
#include "executor/sandbox/real_runner.hpp"

#include <executor/sandbox/network/network_space.hpp>

#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

const std::string outside = "203.0.113.7";

// Empty where this process is in its own network; else why it is not.
const std::string no_machine = [] {
  if (!rights.missing.empty()) return rights.missing;
  try {
    static const NetworkSpace machine =
        make_network_space({"203.0.113.0", "203.0.113.1", "203.0.113.1", outside});
    if (::setns(machine.descriptor.get(), CLONE_NEWNET) != 0 || ::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      return std::string("no namespaces: ") + std::strerror(errno);
    }
    return std::string();
  } catch (const Error& error) {
    return std::string(error.what());
  }
}();

// Says aloud that the test did nothing, and leaves it.
#define SKIP_WITHOUT_MACHINE()          \
  if (!no_machine.empty()) {            \
    MESSAGE("skipped: " << no_machine); \
    return;                             \
  }                                     \
  static_assert(true)

std::unique_ptr<ProcessRunner> runner_with(SandboxOptions options) {
  options.ids = rights.space.ids;
  return sandbox_runner(std::move(options));
}

std::vector<std::string> programs() {
  // pasta does not work as the machine's root.
  if (rights.space.ids == Ids::all) return {"slirp4netns"};
  return {"slirp4netns", "pasta"};
}

sockaddr_in place(const std::string& address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  ::inet_pton(AF_INET, address.c_str(), &result.sin_addr);
  return result;
}

// Answers by its thread until it is destroyed.
class Server {
 public:
  Server(const std::string& address, std::uint16_t port, int type)
      : socket_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    const sockaddr_in own = place(address, port);
    const int on = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof(own)) == 0);
  }
  Server(const Server&) = delete;
  virtual ~Server() = default;

 protected:
  void end() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }

  FileDescriptor socket_;
  std::thread thread_;
};

// Says "hello" to everybody.
class Greeter final : public Server {
 public:
  static constexpr std::uint16_t port = 8123;

  explicit Greeter(const std::string& address) : Server(address, port, SOCK_STREAM) {
    REQUIRE(::listen(socket_.get(), 8) == 0);
    thread_ = std::thread([this] {
      for (;;) {
        const FileDescriptor client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!client) return;
        ++greeted;
        write_all(client.get(), "hello\n", "a client");
        // The client ends first: pasta of 2023 loses an end that comes with the other side's.
        char ignored = 0;
        while (::recv(client.get(), &ignored, 1, 0) > 0) {
        }
      }
    });
  }
  ~Greeter() override { end(); }

  std::atomic<int> greeted = 0;  // counted by its thread
};

// Knows the address 192.0.2.99 of every name.
class NameServer final : public Server {
 public:
  explicit NameServer(const std::string& address) : Server(address, 53, SOCK_DGRAM) {
    thread_ = std::thread([this] { run(); });
  }
  ~NameServer() override { end(); }

 private:
  void run() const {
    for (;;) {
      char packet[1500];
      sockaddr_in from{};
      socklen_t size = sizeof(from);
      const ssize_t got = ::recvfrom(socket_.get(), packet, sizeof(packet), 0,
                                     reinterpret_cast<sockaddr*>(&from), &size);
      if (got <= 0) return;
      // RFC 1035: a header of 12 bytes, the name's labels up to an empty one, type and class.
      std::size_t end = 12;
      while (end < static_cast<std::size_t>(got) && packet[end] != 0) {
        end += static_cast<unsigned char>(packet[end]) + std::size_t{1};
      }
      if (end + 5 > static_cast<std::size_t>(got)) continue;
      const bool wants_ipv4 = packet[end + 2] == 1;
      std::string answer(packet, 2);
      answer +=
          std::string("\x81\x80\0\1\0", 5) + (wants_ipv4 ? '\1' : '\0') + std::string(4, '\0');
      answer += std::string(packet + 12, end + 5 - 12);
      if (wants_ipv4) {
        answer += std::string("\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x63", 16);
      }
      ::sendto(socket_.get(), answer.data(), answer.size(), 0,
               reinterpret_cast<const sockaddr*>(&from), size);
    }
  }
};

// What this "machine" has as /etc/resolv.conf, for a time.
class ResolvConf {
 public:
  explicit ResolvConf(const std::string& text) {
    write_file(pad_.path() / "resolv.conf", text);
    REQUIRE(::mount((pad_.path() / "resolv.conf").c_str(), "/etc/resolv.conf", nullptr, MS_BIND,
                    nullptr) == 0);
  }
  ResolvConf(const ResolvConf&) = delete;
  ~ResolvConf() { ::umount2("/etc/resolv.conf", MNT_DETACH); }

 private:
  Scratchpad pad_;
};

// The connecting programs among the children of a process.
std::vector<pid_t> connectors_of(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "status");
    std::string program;
    pid_t above = 0;
    for (std::string word; file >> word;) {
      if (word == "Name:") file >> program;
      if (word == "PPid:") file >> above;
    }
    // pasta is a name of passt.
    if (above == parent && (program == "slirp4netns" || program.starts_with("pas"))) {
      found.push_back(static_cast<pid_t>(std::stoi(name)));
    }
  }
  return found;
}

bool wait_until(const std::function<bool()>& true_now) {
  for (int tries = 0; tries < 2000; ++tries) {
    if (true_now()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

std::string greeting_from(const std::string& address) {
  return "nc -w 3 " + address + " " + std::to_string(Greeter::port) + " < /dev/null 2>/dev/null";
}

Outcome run_with(ProcessRunner& runner, const std::string& command,
                 RunProcess::Network network = RunProcess::Network::default_) {
  TestStep step(command);
  step.with_busybox().with_probe().operation.network = network;
  return step.run(runner);
}

// A step beside the test: runs `command`, which makes /ready when it is, until it is killed.
class BesideStep {
 public:
  BesideStep(ProcessRunner& runner, const std::string& command) : step_(command) {
    step_.with_busybox().with_probe();
    step_.while_running = [this](RunningProcess& process) {
      wait_until([this] { return ended_ || fs::exists(step_.request.upper / "ready"); });
      is_ready_ = true;
      wait_until([this] { return ended_.load(); });
      process.kill();
    };
    thread_ = std::thread([this, &runner] { step_.run(runner); });
    wait_until([this] { return is_ready_.load(); });
    ready = fs::exists(step_.request.upper / "ready");
  }
  BesideStep(const BesideStep&) = delete;
  ~BesideStep() {
    ended_ = true;
    thread_.join();
  }

  bool ready = false;

 private:
  TestStep step_;
  std::atomic<bool> is_ready_ = false;  // set by the thread
  std::atomic<bool> ended_ = false;     // set for the thread
  std::thread thread_;
};

}  // namespace

TEST_CASE("a step reaches other machines, not the host's loopback addresses") {
  SKIP_WITHOUT_MACHINE();
  const Greeter elsewhere(outside);
  const Greeter at_home("127.0.0.1");
  for (const std::string& program : programs()) {
    CAPTURE(program);
    const auto runner = runner_with({.network_program = program});
    CHECK(run_with(*runner, greeting_from(outside)).out == "hello\n");
    // Its own loopback device, and the addresses that these programs have given the host's before.
    for (const char* address : {"127.0.0.1", "10.0.2.2", "10.0.2.3"}) {
      CAPTURE(address);
      CHECK(run_with(*runner, greeting_from(address)).out.empty());
    }
  }
  CHECK(at_home.greeted == 0);
}

TEST_CASE("a step with the host's network reaches the host's loopback addresses") {
  SKIP_WITHOUT_MACHINE();
  const auto runner = runner_with({});
  const Greeter at_home("127.0.0.1");
  CHECK(run_with(*runner, greeting_from("127.0.0.1"), RunProcess::Network::host).out == "hello\n");
}

TEST_CASE("names are resolved, by whichever name server the host has") {
  SKIP_WITHOUT_MACHINE();
  for (const std::string& program : programs()) {
    for (const std::string& address : {outside, std::string("127.0.0.1")}) {
      CAPTURE(program);
      CAPTURE(address);
      const auto runner = runner_with({.network_program = program});
      const ResolvConf file("nameserver " + address + "\n");
      const NameServer server(address);
      // Each of the two questions, sent at once, waits for the connection.
      const Outcome outcome = run_with(*runner, "busybox nslookup a.example 2>&1");
      INFO(outcome.out);
      CHECK(outcome.out.find("192.0.2.99") != std::string::npos);
      CHECK(outcome.out.find("timed out") == std::string::npos);
    }
  }
}

TEST_CASE("steps beside each other listen at the same port, and neither sees the other's") {
  SKIP_WITHOUT_MACHINE();
  const auto runner = runner_with({});
  // Until the kernel shows the port, 7777, in its table.
  const auto listen = [](const std::string& answer) {
    return "nc -l -p 7777 -e echo " + answer +
           " & until grep -q :1E61 /proc/net/tcp /proc/net/tcp6; do sleep 0.02; done; ";
  };
  const std::string ask = "nc -w 2 127.0.0.1 7777 < /dev/null 2>/dev/null; ";
  const BesideStep other(*runner, listen("other") + "touch /ready; wait");
  REQUIRE(other.ready);
  CHECK(run_with(*runner, ask + listen("mine") + ask).out == "mine\n");
}

TEST_CASE("abstract sockets of the host and of other steps are out of reach without Landlock") {
  SKIP_WITHOUT_MACHINE();
  const auto runner = runner_with({.scope_sockets = false});
  const std::string name = "slipway-network-" + std::to_string(::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const FileDescriptor listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address),
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())) == 0);
  REQUIRE(::listen(listening.get(), 1) == 0);
  const std::string refused = std::to_string(ECONNREFUSED) + "\n";
  CHECK(run_with(*runner, "probe connect " + name).out == refused);
  // It is there, for those who share the network.
  CHECK(run_with(*runner, "probe connect " + name, RunProcess::Network::host).out == "0\n");

  const BesideStep other(*runner,
                         "probe hold other > /said & until [ -s /said ]; do sleep 0.02; "
                         "done; touch /ready; wait");
  REQUIRE(other.ready);
  CHECK(run_with(*runner, "probe connect other").out == refused);
}

TEST_CASE("no program is started for a step that sends nothing") {
  SKIP_WITHOUT_MACHINE();
  const auto runner = runner_with({});
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
    const auto runner = runner_with({});
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
      const auto runner = runner_with({.network_program = program});
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
  std::mutex mutex;  // guards the notes, which come from any thread
  std::vector<Diagnostic> notes;
  const auto runner = runner_with({.note = [&](const Diagnostic& note) {
    const std::lock_guard lock(mutex);
    notes.push_back(note);
  }});
  CHECK(notes.empty());
  for (int i = 0; i < 2; ++i) {
    CHECK(run_with(*runner, greeting_from("127.0.0.1")).out == "hello\n");
  }
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
  std::mutex mutex;  // guards the notes, which come from any thread
  std::vector<Diagnostic> notes;
  {
    const auto runner =
        runner_with({.network_program = "slirp4netns", .note = [&](const Diagnostic& note) {
                       const std::lock_guard lock(mutex);
                       notes.push_back(note);
                     }});
    for (int i = 0; i < 2; ++i) {
      CHECK(run_with(*runner, greeting_from(outside) + "; " + greeting_from("127.0.0.1")).out ==
            "");
    }
  }
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].message ==
        "RUN could not be connected to the network: slirp4netns: this is broken");
}

TEST_CASE("/sys shows the step's network") {
  SKIP_WITHOUT_MACHINE();
  const auto runner = runner_with({});
  CHECK(run_with(*runner, "ls /sys/class/net").out == "idle0\nlo\n");
}
