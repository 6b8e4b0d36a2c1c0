// RUN --device: what a granted device puts into a step.
#include "executor/sandbox/real_runner.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <string>

using namespace slipway;

namespace {

// /dev/full under another name, a file and a directory of the host.
std::string spec_of(const std::filesystem::path& host) {
  return R"({"cdiVersion": "0.6.0", "kind": "test.com/device", "devices": [{"name": "full",
  "containerEdits": {
    "env": ["DEVICE=full", "OVER=device"],
    "deviceNodes": [
      {"path": "/dev/sub/other", "hostPath": "/dev/full", "type": "c", "major": 1, "minor": 7,
       "fileMode": 432, "uid": 5, "gid": 6},
      {"path": "/opt/zero", "hostPath": "/dev/zero"}],
    "mounts": [
      {"hostPath": ")" + (host / "file").string() + R"(", "containerPath": "/usr/lib/given",
       "options": ["ro", "bind"]},
      {"hostPath": ")" + (host / "folder").string() + R"(", "containerPath": "/given"}],
    "additionalGids": [4242]}},
  {"name": "changed", "containerEdits": {"deviceNodes": [
      {"path": "/dev/x", "hostPath": "/dev/full", "type": "c", "major": 1, "minor": 8}]}},
  {"name": "gone", "containerEdits": {"deviceNodes": [{"path": "/dev/no-such-device"}]}},
  {"name": "file", "containerEdits": {"deviceNodes": [
      {"path": "/dev/x", "hostPath": ")" + (host / "file").string() + R"("}]}}
  ]})";
}

struct Machine {
  Scratchpad pad;
  std::unique_ptr<ProcessRunner> runner;

  explicit Machine(Entitlements granted = every_entitlement()) {
    if (!real_runner()) return;
    write_file(pad.path() / "host/file", "from the host\n");
    write_file(pad.path() / "host/folder/inner", "inner\n");
    write_file(pad.path() / "cdi/test.json", spec_of(pad.path() / "host"));
    SandboxOptions options;
    options.grants.granted = std::move(granted);
    options.grants.devices = DeviceRegistry({pad.path() / "cdi"});
    options.ids = rights.space.ids;
    runner = sandbox_runner(std::move(options));
  }
};

std::string result_of(ProcessRunner& runner, TestStep& step) {
  try {
    const Outcome outcome = step.run(runner);
    return outcome.out + outcome.err;
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a step has its device's nodes, mounts, variables and groups, and leaves none of them") {
  const Machine machine;
  if (!machine.runner) return;
  TestStep step(
      "stat -c '%a %u %g' /dev/sub/other; head -c 2 /opt/zero | wc -c; "
      "(echo x > /dev/sub/other) 2>/dev/null || echo full; cat /usr/lib/given /given/inner; "
      "(echo x > /usr/lib/given) 2>/dev/null || echo read-only; echo $DEVICE $OVER; "
      "chmod 600 /opt/zero 2>/dev/null; "
      "mknod /dev/sub/mine c 1 5 2>/dev/null; (cat /dev/sub/mine > /dev/null) 2>/dev/null || echo shut");
  step.with_busybox().operation.environment.push_back("OVER=image");
  step.operation.devices = {{"test.com/device=full", true}};
  // In a user namespace the node is the host's own, and nobody's there.
  const std::string node = in_user_namespace() ? "666 65534 65534\n" : "660 5 6\n";
  CHECK(result_of(*machine.runner, step) ==
        node + "2\nfull\nfrom the host\ninner\nread-only\nfull device\nshut\n");
  CHECK(step.left() == std::vector<std::string>{});
  struct stat status {};
  REQUIRE(::stat("/dev/zero", &status) == 0);
  CHECK((status.st_mode & 0777) != 0600);

  if (rights.space.ids != Ids::own) {
    TestStep groups("grep Groups /proc/self/status | tr -d '\\t'");
    groups.with_busybox().operation.devices = step.operation.devices;
    CHECK(result_of(*machine.runner, groups) == "Groups:0 10 4242 \n");
  }

  // The step beside it has nothing.
  TestStep other("test -e /opt/zero || test -e /dev/sub || test -n \"$DEVICE\" || echo nothing");
  CHECK(result_of(*machine.runner, other.with_busybox()) == "nothing\n");
}

TEST_CASE("the runner itself gives no device that was not granted") {
  Entitlements others = every_entitlement();
  others.every_device = false;
  const Machine machine(others);
  if (!machine.runner) return;
  TestStep step("echo started");
  step.with_busybox().operation.devices = {{"test.com/device=full", true}};
  CHECK(result_of(*machine.runner, step) ==
        "device \"test.com/device=full\" is not allowed in this build");
  CHECK(step.left().empty());
}

TEST_CASE("a node that is not the device which the specification says is not given") {
  const Machine machine;
  if (!machine.runner) return;
  const auto asking = [&](const std::string& name) {
    TestStep step("echo started");
    step.with_busybox().operation.devices = {{"test.com/device=" + name, true}};
    return result_of(*machine.runner, step);
  };
  CHECK(asking("changed").find("is not the device that its CDI specification says") !=
        std::string::npos);
  CHECK(asking("file").find("is not the device that its CDI specification says") !=
        std::string::npos);
  CHECK(asking("gone").find("no-such-device") != std::string::npos);
}

TEST_CASE("no other mount of the step is put into what a device mounts from the host") {
  const Machine machine;
  if (!machine.runner) return;
  TestStep step("true");
  step.with_busybox().operation.devices = {{"test.com/device=full", true}};
  ResolvedMount inside;
  inside.mount.type = RunProcess::Mount::Type::tmpfs;
  inside.mount.target = "/given/made";
  step.request.mounts = {inside};
  CHECK(result_of(*machine.runner, step).find("cannot mount at \"/given/made\"") !=
        std::string::npos);
  CHECK_FALSE(std::filesystem::exists(machine.pad.path() / "host/folder/made"));
}
