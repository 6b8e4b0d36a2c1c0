// Joining containers that really run.
#include "started.hpp"

#include <cache/user_namespace.hpp>
#include <executor/containers/health.hpp>
#include <executor/containers/join.hpp>
#include <executor/spawn.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

using namespace slipway;

namespace {

class Joining : public StartedContainers {
 public:
  Container running(ContainerConfig config = {}, const std::string& script = "sleep 1000") {
    Container container = shell(script, std::move(config));
    start(container);
    return container;
  }
  // What it prints, and its status.
  std::string exec(const Container& container, ExecRequest request) {
    Pipe output = make_pipe();
    request.output = request.error = output.write.get();
    const auto joined = join_container(store, container, request);
    output.write = FileDescriptor();
    std::string text;
    std::array<char, 4096> bytes;
    for (ssize_t got = 0; (got = ::read(output.read.get(), bytes.data(), bytes.size())) > 0;) {
      text.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return text + "=" + std::to_string(joined->wait());
  }
  std::string exec(const Container& container, const std::string& script,
                   const std::string& user = "") {
    ExecRequest request;
    request.arguments = {"/bin/sh", "-c", script};
    request.user = user;
    return exec(container, request);
  }
};

const bool one_id = rights.space.ids == Ids::own;

// Version 1, or version 2 with the controller at its top.
bool has_pids_controller() {
  if (std::filesystem::exists("/sys/fs/cgroup/pids")) return true;
  std::ifstream file("/sys/fs/cgroup/cgroup.controllers");
  const std::vector<std::string> names(std::istream_iterator<std::string>(file), {});
  return std::find(names.begin(), names.end(), "pids") != names.end();
}

}  // namespace

TEST_CASE("a joined process sees what the container sees") {
  NEEDS_CONTAINERS();
  Joining test;
  ContainerConfig config;
  config.environment = {"COLOUR=green"};
  config.working_directory = "/tmp";
  config.hostname = "inside";
  const Container container = test.running(config, "echo mine >/tmp/file; sleep 1000");
  CHECK(becomes_true([&] {
    return test.exec(container, "cat file; hostname; pwd; echo $COLOUR $HOSTNAME $HOME; id -u") ==
           "mine\ninside\n/tmp\ngreen inside /root\n0\n=0";
  }));
  // With one id it is somebody who answers for the others.
  if (!one_id)
    CHECK(test.exec(container, "tr '\\0' ' ' </proc/1/cmdline").find("sleep 1000") !=
          std::string::npos);
  // What it leaves is the container's.
  CHECK(test.exec(container, "echo theirs >/left; exit 5") == "=5");
  CHECK(content_of(test.where(container) / "upper/left") == "theirs\n");
}

TEST_CASE("a joined process is masked and filtered as the container") {
  NEEDS_CONTAINERS();
  Joining test;
  const Container container = test.running();
  CHECK(test.exec(container, "cat /proc/interrupts | wc -c") == "0\n=0");
  CHECK(test.exec(container, "echo 1 2>/dev/null >/proc/sys/kernel/hostname || echo no") ==
        "no\n=0");
  CHECK(test.exec(container, "unshare -m true 2>/dev/null || echo no") == "no\n=0");
  CHECK(test.exec(container, "mount -t tmpfs none /tmp 2>/dev/null || echo no") == "no\n=0");
  const std::string show = "grep -E '^(CapBnd|CapEff|NoNewPrivs)' /proc/self/status";
  if (one_id) return;
  CHECK(test.exec(container, show + " >/tmp/a; sed -n '/^Cap[BE]/p;/^NoNew/p' /proc/1/status "
                                    ">/tmp/b; cat /tmp/a | sort >/tmp/c; sort /tmp/b | test "
                                    "\"$(cat)\" = \"$(cat /tmp/c)\"") == "=0");
}

TEST_CASE("a container without capabilities lets another user in all the same") {
  NEEDS_CONTAINERS();
  Joining test;
  ContainerConfig config;
  config.dropped_capabilities = {"ALL"};
  config.no_new_privileges = true;
  if (!one_id) config.user = "builder";
  const Container container = test.running(config);
  const std::string show =
      "id -u; id -g; grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs):' /proc/self/status | tr -d '\\t'";
  const std::string none =
      "CapPrm:0000000000000000\nCapEff:0000000000000000\n"
      "CapBnd:0000000000000000\nNoNewPrivs:1\n=0";
  CHECK(test.exec(container, show) == (one_id ? "0\n0\n" : "1000\n1001\n") + none);
  if (!one_id) CHECK(test.exec(container, show, "7:8") == "7\n8\n" + none);
  CHECK(test.exec(container, show, "root") == "0\n0\n" + none);
}

TEST_CASE("privileged gives all capabilities and takes the filter away, for that process alone") {
  NEEDS_CONTAINERS();
  Joining test;
  const Container container = test.running();
  ExecRequest request;
  request.arguments = {"/bin/sh", "-c", "mount -t tmpfs none /tmp && echo done"};
  request.privileged = true;
  CHECK(test.exec(container, request) == "done\n=0");
  request.privileged = false;
  CHECK(test.exec(container, request).find("done") == std::string::npos);
}

TEST_CASE("groups, and streams that a user can open again") {
  NEEDS_CONTAINERS();
  if (one_id) return;
  Joining test;
  ContainerConfig config;
  config.groups = {"video", "77"};
  const Container container = test.running(config);
  CHECK(test.exec(container, "id -G", "builder") == "1001 29 44 77\n=0");
  CHECK(test.exec(container, "echo out >/dev/stdout; echo err >/dev/stderr", "builder") ==
        "out\nerr\n=0");
}

TEST_CASE("a joined process is in the container's control groups") {
  NEEDS_CONTAINERS();
  // Of the twins of this test root has the controllers in one only.
  if (in_user_namespace() || !has_pids_controller()) return;
  Joining test;
  ContainerConfig config;
  config.limits.pids = 20;
  Container container = test.shell("sleep 1000", config);
  test.start(container);
  const std::string theirs = test.exec(container, "cat /proc/1/cgroup");
  CHECK(test.exec(container, "cat /proc/self/cgroup") == theirs);
  CHECK(test.exec(container, "for i in $(seq 40); do sleep 5 & done 2>&1; wait").find("=0") ==
        std::string::npos);
}

TEST_CASE("a container ends with a joined process in it, at once") {
  NEEDS_CONTAINERS();
  Joining test;
  const Container container = test.running();
  ExecRequest request;
  request.arguments = {"sleep", "1000"};
  const auto joined = join_container(test.store, container, request);
  ::kill(static_cast<pid_t>(test.state(container).process.pid), SIGKILL);
  CHECK(joined->wait() == 137);
  CHECK(becomes_true([&] { return !test.state(container).alive(); }));
  CHECK_THROWS_WITH_AS(test.exec(container, "true"), doctest::Contains("is not running"), Error);
}

TEST_CASE("what is started in a paused container is refused") {
  NEEDS_CONTAINERS();
  Joining test;
  ContainerConfig config;
  const Container container = test.shell("sleep 1000", config);
  MonitorConnection connection = test.start(container);
  REQUIRE(connection.pause());
  CHECK_THROWS_WITH_AS(test.exec(container, "true"), doctest::Contains("is paused"), Error);
  CHECK(connection.unpause());
  CHECK(test.exec(container, "echo on") == "on\n=0");
}
