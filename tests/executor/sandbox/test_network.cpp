// RUN's default network: the step's own, connected to the outside.
#include "network_machine.hpp"

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

// Listens at port 7777, by when the kernel shows it in its table.
std::string listen(const std::string& answer) {
  return "nc -l -p 7777 -e echo " + answer +
         " & until grep -q :1E61 /proc/net/tcp*; do sleep 0.02; done; ";
}

}  // namespace

TEST_CASE("a step reaches other machines, not the host's loopback addresses") {
  SKIP_WITHOUT_MACHINE();
  const Greeter elsewhere(outside);
  const Greeter at_home("127.0.0.1");
  for (const std::string& program : programs()) {
    CAPTURE(program);
    const auto runner = runner_by(program);
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
  const auto runner = runner_with();
  const Greeter at_home("127.0.0.1");
  CHECK(run_with(*runner, greeting_from("127.0.0.1"), RunProcess::Network::host).out == "hello\n");
}

TEST_CASE("names are resolved, by whichever name server the host has") {
  SKIP_WITHOUT_MACHINE();
  for (const std::string& program : programs()) {
    for (const std::string& address : {outside, std::string("127.0.0.1")}) {
      CAPTURE(program);
      CAPTURE(address);
      const auto runner = runner_by(program);
      const ResolvConf file("nameserver " + address + "\n");
      const NameServer server(address);
      // Each of the two questions, sent at once, waits for the connection.
      const Outcome outcome =
          run_with(*runner, "cat /etc/resolv.conf; busybox nslookup a.example 2>&1");
      INFO(outcome.out);
      // A server of the host's loopback device has an address of its own in the step.
      CHECK(outcome.out.starts_with("nameserver " + (address == outside ? outside : "10.0.2.3") +
                                    "\n"));
      CHECK(outcome.out.find("192.0.2.99") != std::string::npos);
      CHECK(outcome.out.find("timed out") == std::string::npos);
    }
  }
}

TEST_CASE("a name of --add-host leads to its address, without a name server") {
  SKIP_WITHOUT_MACHINE();
  const Greeter elsewhere(outside);
  const ResolvConf nobody("nameserver 192.0.2.1\n");
  const auto runner = runner_with();
  TestStep step(greeting_from("greeter.example"));
  step.with_busybox().operation.extra_hosts = {{"greeter.example", outside}};
  CHECK(step.run(*runner).out == "hello\n");
}

TEST_CASE("a step's loopback device is up, with IPv6 as the host has it") {
  SKIP_WITHOUT_MACHINE();
  const auto runner = runner_with();
  std::vector<std::string> addresses = {"127.0.0.1", "localhost"};
  if (fs::exists("/proc/net/if_inet6")) addresses.emplace_back("::1");
  for (const std::string& address : addresses) {
    CAPTURE(address);
    const std::string ask = "nc -w 2 " + address + " 7777 < /dev/null 2>/dev/null";
    CHECK(run_with(*runner, listen("heard") + ask).out == "heard\n");
  }
}

TEST_CASE("an insecure step has a network of its own all the same") {
  SKIP_WITHOUT_MACHINE();
  const Greeter elsewhere(outside);
  const Greeter at_home("127.0.0.1");
  const auto runner = runner_with();
  TestStep step("ls /sys/class/net; " + greeting_from("127.0.0.1") + "; " + greeting_from(outside));
  step.with_busybox().operation.security = RunProcess::Security::insecure;
  CHECK(step.run(*runner).out == "idle0\nlo\nhello\n");
  CHECK(at_home.greeted == 0);
}

TEST_CASE("steps beside each other listen at the same port, and neither sees the other's") {
  SKIP_WITHOUT_MACHINE();
  const auto runner = runner_with();
  const std::string ask = "nc -w 2 127.0.0.1 7777 < /dev/null 2>/dev/null; ";
  const BesideStep other(*runner, listen("other") + "touch /ready; wait");
  REQUIRE(other.ready);
  CHECK(run_with(*runner, ask + listen("mine") + ask).out == "mine\n");
}

TEST_CASE("abstract sockets of the host and of other steps are out of reach without Landlock") {
  SKIP_WITHOUT_MACHINE();
  const auto runner = runner_with([](SandboxOptions& options) { options.scope_sockets = false; });
  const AbstractSocket host;
  const std::string refused = std::to_string(ECONNREFUSED) + "\n";
  CHECK(run_with(*runner, "probe connect " + host.name).out == refused);
  // It is there, for those who share the network.
  CHECK(run_with(*runner, "probe connect " + host.name, RunProcess::Network::host).out == "0\n");

  const BesideStep other(*runner,
                         "probe hold other > /said & until [ -s /said ]; do sleep 0.02; "
                         "done; touch /ready; wait");
  REQUIRE(other.ready);
  CHECK(run_with(*runner, "probe connect other").out == refused);
}

TEST_CASE("/sys shows the step's network") {
  SKIP_WITHOUT_MACHINE();
  const auto runner = runner_with();
  CHECK(run_with(*runner, "ls /sys/class/net").out == "idle0\nlo\n");
}
