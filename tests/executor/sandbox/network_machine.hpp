// A "machine" whose network the tests of RUN's default network have for themselves.
//
// It is a network namespace that the program enters before main(): its loopback device, and one
// with the address `outside` and a default route. Servers of the program stand for other machines.
// /etc/resolv.conf is the test's own, in a mount namespace.
#pragma once

#include "executor/sandbox/abstract_socket.hpp"
#include "executor/sandbox/real_runner.hpp"

#include <executor/sandbox/network/network_space.hpp>

#include <arpa/inet.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace slipway {

inline const std::string outside = "203.0.113.7";

// Empty where this process is in its own network; else why it is not.
inline const std::string no_machine = [] {
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

inline std::unique_ptr<ProcessRunner> runner_with(
    const std::function<void(SandboxOptions&)>& change = {}) {
  SandboxOptions options;
  options.ids = rights.space.ids;
  options.grants.granted = every_entitlement();
  if (change) change(options);
  return sandbox_runner(std::move(options));
}

inline std::unique_ptr<ProcessRunner> runner_by(const std::string& program) {
  return runner_with([&](SandboxOptions& options) { options.network_program = program; });
}

inline std::vector<std::string> programs() {
  // pasta does not work as the machine's root.
  if (rights.space.ids == Ids::all) return {"slirp4netns"};
  return {"slirp4netns", "pasta"};
}

inline sockaddr_in place(const std::string& address, std::uint16_t port) {
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
        // The client ends first: pasta loses most of all an end that comes with the other side's.
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
inline std::vector<pid_t> connectors_of(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
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

inline bool wait_until(const std::function<bool()>& true_now) {
  for (int tries = 0; tries < 2000; ++tries) {
    if (true_now()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

// With an end of its own: Debian 12's pasta at times loses that of the other side.
inline std::string greeting_from(const std::string& address) {
  return "busybox timeout 5 nc -w 3 " + address + " " + std::to_string(Greeter::port) +
         " < /dev/null 2> /dev/null | busybox head -n 1";
}

inline Outcome run_with(ProcessRunner& runner, const std::string& command,
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
      wait_until(
          [this] { return ended_ || std::filesystem::exists(step_.request.upper / "ready"); });
      is_ready_ = true;
      wait_until([this] { return ended_.load(); });
      process.kill();
    };
    thread_ = std::thread([this, &runner] { step_.run(runner); });
    wait_until([this] { return is_ready_.load(); });
    ready = std::filesystem::exists(step_.request.upper / "ready");
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

}  // namespace slipway
