// Where control groups are, and what limits are in them: from texts, on any machine.
#include <executor/sandbox/control_hierarchies.hpp>
#include <executor/sandbox/control_settings.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace slipway;

namespace {

using Lines = std::vector<std::string>;

Lines lines(const ResourceLimits& limits, bool unified) {
  Lines result;
  for (const char* controller : {"memory", "cpu", "cpuset", "pids"}) {
    for (const ControlSetting& setting : control_settings(limits, controller, unified)) {
      result.push_back(setting.file + " " + setting.value + (setting.implied ? " (implied)" : ""));
    }
  }
  return result;
}

}  // namespace

TEST_CASE("a machine with version 2 alone has one hierarchy") {
  const auto found = read_control_hierarchies(
      "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
      "0::/user.slice/user-0.slice/session-1.scope\n");
  REQUIRE(found.size() == 1);
  CHECK(found[0].unified);
  CHECK(found[0].mount == "/sys/fs/cgroup");
  CHECK(found[0].own == "/sys/fs/cgroup/user.slice/user-0.slice/session-1.scope");
}

TEST_CASE("a hybrid machine has one hierarchy for each set of controllers") {
  const auto found = read_control_hierarchies(
      "32 31 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "33 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "34 31 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
      "35 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
      "36 31 0:29 / /elsewhere/memory rw - cgroup cgroup rw,memory\n",
      "4:memory:/build/a\n3:cpu,cpuacct:/\n1:name=systemd:/x\n0::/\n");
  REQUIRE(found.size() == 3);
  CHECK(found[0].controllers == Lines{"cpu"});
  CHECK(found[0].own == "/sys/fs/cgroup/cpu,cpuacct");
  CHECK(found[1].controllers == Lines{"memory"});
  CHECK(found[1].own == "/sys/fs/cgroup/memory/build/a");
  CHECK(found[2].unified);
}

TEST_CASE("a group is found below a mount that shows a part of the tree") {
  const auto own = [](const std::string& root, const std::string& group) {
    return read_control_hierarchies("31 24 0:27 " + root + " /cg rw - cgroup2 cgroup2 rw\n",
                                    "0::" + group + "\n")
        .at(0)
        .own.string();
  };
  CHECK(own("/docker/abc", "/docker/abc") == "/cg");
  CHECK(own("/docker/abc", "/docker/abc/inner") == "/cg/inner");
  CHECK(own("/docker/abc", "/docker/abcd") == "/cg");
  // Not below the root of this process's cgroup namespace.
  CHECK(own("/", "/../../else") == "/cg");
  CHECK(own("/with\\040space", "/with space/inner") == "/cg/inner");
}

TEST_CASE("texts that are none give no hierarchy") {
  CHECK(read_control_hierarchies("", "").empty());
  CHECK(read_control_hierarchies("a b c\n- - -\n31 24 0:27 / /cg rw - cgroup2\n", "::\nx").empty());
}

TEST_CASE("limits are written as each version of control groups has them") {
  ResourceLimits limits;
  limits.memory = 64 << 20;
  limits.cpu_shares = 1024;
  limits.cpu_quota = 150'000;
  limits.cpuset_cpus = "0-1";
  limits.pids = 100;
  CHECK(lines(limits, false) == Lines{"memory.limit_in_bytes 67108864",
                                      "memory.memsw.limit_in_bytes 134217728 (implied)",
                                      "cpu.shares 1024", "cpu.cfs_quota_us 150000",
                                      "cpuset.cpus 0-1", "pids.max 101"});
  CHECK(lines(limits, true) == Lines{"memory.max 67108864", "memory.swap.max 67108864 (implied)",
                                     "cpu.weight 100", "cpu.max 150000 100000", "cpuset.cpus 0-1",
                                     "pids.max 101"});
}

TEST_CASE("swap is counted with memory by version 1, and alone by version 2") {
  ResourceLimits limits;
  limits.memory = 64 << 20;
  limits.memory_swap = 64 << 20;
  CHECK(lines(limits, false).back() == "memory.memsw.limit_in_bytes 67108864");
  CHECK(lines(limits, true).back() == "memory.swap.max 0");
  limits.memory_swap = -1;
  CHECK(lines(limits, false).back() == "memory.memsw.limit_in_bytes -1");
  CHECK(lines(limits, true).back() == "memory.swap.max max");
}

TEST_CASE("the period of CPU time comes before the time in it, which must not exceed it") {
  ResourceLimits limits;
  limits.cpu_period = 1'000'000;
  CHECK(lines(limits, true) == Lines{"cpu.max max 1000000"});
  limits.cpu_quota = 500'000;
  CHECK(lines(limits, false) == Lines{"cpu.cfs_period_us 1000000", "cpu.cfs_quota_us 500000"});
  CHECK(lines(limits, true) == Lines{"cpu.max 500000 1000000"});
}

TEST_CASE("CPU shares become weights between the least and the most") {
  for (const auto& [shares, weight] : std::vector<std::pair<std::uint64_t, std::string>>{
           {2, "1"}, {1024, "100"}, {262'144, "10000"}}) {
    ResourceLimits limits;
    limits.cpu_shares = shares;
    CHECK(lines(limits, true) == Lines{"cpu.weight " + weight});
  }
}

TEST_CASE("no limit is no setting") {
  CHECK(!ResourceLimits().any());
  CHECK(lines({}, false).empty());
  CHECK(lines({}, true).empty());
}
