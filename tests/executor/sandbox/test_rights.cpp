// What a step gets beyond the sandbox, and that it gets nothing which was not granted.
#include "executor/sandbox/real_runner.hpp"

#include <functional>
#include <string>

using namespace slipway;

namespace {

using Change = std::function<void(RunProcess&)>;

void insecure(RunProcess& run) { run.security = RunProcess::Security::insecure; }
void in_host_network(RunProcess& run) { run.network = RunProcess::Network::host; }

// Its output, or why it was not started.
std::string result_of(ProcessRunner& runner, const std::string& command, const Change& change) {
  TestStep step(command);
  change(step.with_busybox().operation);
  try {
    const Outcome outcome = step.run(runner);
    return outcome.out + outcome.err;
  } catch (const Error& error) {
    CHECK(step.left().empty());
    return error.what();
  }
}

}  // namespace

// CVE-2024-23653: a second way into a container asked nobody. Whatever the solve has let through, it
// is the runner that does not start it.
TEST_CASE("the runner itself starts no step that asks for more than was granted") {
  const auto runner = real_runner();
  if (!runner) return;
  CHECK(result_of(*runner, "echo started", insecure) ==
        "RUN --security=insecure is not allowed in this build");
  CHECK(result_of(*runner, "echo started", in_host_network) ==
        "RUN --network=host is not allowed in this build");

  // One is not the other.
  Entitlements network;
  network.network_host = true;
  const auto with_network = real_runner(network);
  CHECK(result_of(*with_network, "echo started", in_host_network) == "started\n");
  CHECK(result_of(*with_network, "echo started", [](RunProcess& run) {
          in_host_network(run);
          insecure(run);
        }) == "RUN --security=insecure is not allowed in this build");

  Entitlements security;
  security.security_insecure = true;
  const auto with_security = real_runner(security);
  CHECK(result_of(*with_security, "echo started", insecure) == "started\n");
  CHECK(result_of(*with_security, "echo started", in_host_network) ==
        "RUN --network=host is not allowed in this build");
}

TEST_CASE("a mode of a number that no name has is refused, not taken for the default") {
  const auto runner = real_runner(every_entitlement());
  if (!runner) return;
  CHECK(result_of(*runner, "echo started", [](RunProcess& run) {
          run.security = static_cast<RunProcess::Security>(7);
        }) == "a step of an unknown security mode");
  CHECK(result_of(*runner, "echo started", [](RunProcess& run) {
          run.network = static_cast<RunProcess::Network>(7);
        }) == "a step of an unknown network mode");
}

TEST_CASE("what is granted is given to the step that asks, and to no other") {
  NEEDS_OTHER_IDS();  // whose answers come by a filter as well
  const auto runner = real_runner(every_entitlement());
  if (!runner) return;
  const std::string look =
      "grep -E 'CapBnd|Seccomp:' /proc/self/status | tr -d '\\t'; mkdir /m; "
      "mount -t tmpfs none /m 2>/dev/null && echo mounted; "
      "(echo x > /proc/sys/kernel/domainname) 2>/dev/null && echo set";
  CHECK(result_of(*runner, look, [](RunProcess&) {}) ==
        "CapBnd:00000000a80425fb\nSeccomp:2\n");
  const std::string free = result_of(*runner, look, insecure);
  // That setting is only the machine's root's.
  CHECK(free.ends_with(in_user_namespace() ? "\nSeccomp:0\nmounted\n"
                                           : "\nSeccomp:0\nmounted\nset\n"));
  CHECK_FALSE(free.starts_with("CapBnd:00000000a80425fb"));
}

TEST_CASE("an insecure step has every right of the builder's, whoever it is") {
  const auto runner = real_runner(every_entitlement());
  if (!runner) return;
  const std::string look = "grep -E 'Cap(Prm|Eff|Bnd|Amb)' /proc/self/status | cut -f 2 | sort -u";
  const std::string root = result_of(*runner, look, insecure);
  CAPTURE(root);
  CHECK(root.find('\n') == root.size() - 1);  // all four are the same
  CHECK(root != "0000000000000000\n");
  CHECK(result_of(*runner, look, [](RunProcess& run) {
          insecure(run);
          run.user = "builder";
        }) == root);
}

TEST_CASE("an insecure step has the devices that BuildKit gives it, and can make more") {
  const auto runner = real_runner(every_entitlement());
  if (!runner) return;
  if (in_user_namespace()) {
    MESSAGE("root's alone: nobody makes devices in a user namespace");
    return;
  }
  const std::string look =
      "for d in kmsg fuse kvm net/tun loop-control; do test -c /dev/$d && echo $d; done; "
      "for n in 0 7; do test -b /dev/loop$n && echo loop$n; done; "
      "mknod /dev/zero2 c 1 5; head -c 3 /dev/zero2 2>/dev/null | wc -c";
  CHECK(result_of(*runner, look, insecure) ==
        "kmsg\nfuse\nkvm\nnet/tun\nloop-control\nloop0\nloop7\n3\n");
  CHECK(result_of(*runner, look, [](RunProcess&) {}) == "0\n");
}
