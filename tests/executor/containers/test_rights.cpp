// What a container may do.
#include "started.hpp"

#include <executor/containers/rights.hpp>

#include <linux/capability.h>
#include <sys/prctl.h>

using namespace slipway;

namespace {

// "00000000a80425fb".
std::string effective(StartedContainers& containers, const ContainerConfig& config) {
  std::string out = containers.run("grep CapEff /proc/self/status", config).out;
  return out.size() < 17 ? out : out.substr(out.size() - 17, 16);
}

std::string hexadecimal(std::uint64_t bits) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(bits));
  return text;
}

constexpr std::uint64_t bit(int capability) {
  return std::uint64_t{1} << capability;
}

// Those of this process's that a container can have at most.
std::uint64_t had() {
  std::uint64_t all = 0;
  for (int i = 0; ::prctl(PR_CAPBSET_READ, i) >= 0; ++i)
    if (::prctl(PR_CAPBSET_READ, i) == 1) all |= bit(i);
  return all;
}

}  // namespace

TEST_CASE("capabilities are docker's, with and without those that were named") {
  const std::uint64_t usual = default_capabilities();
  CHECK(hexadecimal(usual) == "00000000a80425fb");
  CHECK(chosen_capabilities({}, {}) == usual);
  CHECK(chosen_capabilities({"net_admin", "CAP_SYS_TIME"}, {"cap_chown"}) ==
        ((usual | bit(CAP_NET_ADMIN) | bit(CAP_SYS_TIME)) & ~bit(CAP_CHOWN)));
  CHECK(chosen_capabilities({"CHOWN"}, {"ALL"}) == bit(CAP_CHOWN));
  CHECK(chosen_capabilities({"ALL"}, {"CHOWN"}) == ~bit(CAP_CHOWN));
  CHECK(chosen_capabilities({"CHOWN"}, {"CHOWN"}) == usual);
  CHECK_THROWS_AS(chosen_capabilities({"CHWON"}, {}), Error);
}

TEST_CASE("a container's capabilities") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  ContainerConfig config;
  CHECK(effective(containers, config) == "00000000a80425fb");
  config.added_capabilities = {"NET_ADMIN"};
  config.dropped_capabilities = {"MKNOD"};
  CHECK(effective(containers, config) ==
        hexadecimal((default_capabilities() | bit(CAP_NET_ADMIN)) & ~bit(CAP_MKNOD)));
  config.added_capabilities = {};
  config.dropped_capabilities = {"ALL"};
  CHECK(effective(containers, config) == "0000000000000000");
  config.privileged = true;
  CHECK(effective(containers, config) == hexadecimal(had()));
  // Another user has none, privileged or not.
  if (rights.space.ids != Ids::own) {
    config.user = "1000";
    CHECK(effective(containers, config) == "0000000000000000");
  }
}

TEST_CASE("what a capability unlocks can be called, and nothing else") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const std::string mount = "mount -t tmpfs tmpfs /tmp 2> /dev/null && echo mounted";
  ContainerConfig config;
  CHECK(containers.run(mount, config).out.empty());
  config.no_filter = true;
  CHECK(containers.run(mount, config).out.empty());
  config.added_capabilities = {"SYS_ADMIN"};
  CHECK(containers.run(mount, config).out == "mounted\n");
  config.no_filter = false;
  CHECK(containers.run(mount, config).out == "mounted\n");
  config.dropped_capabilities = {"ALL"};
  CHECK(containers.run(mount, config).out == "mounted\n");
  config.added_capabilities = {"NET_ADMIN"};
  CHECK(containers.run(mount, config).out.empty());
}

TEST_CASE("a root that is read-only, with mounts that are not") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  ContainerConfig config;
  config.read_only = true;
  config.mounts = {{.type = ContainerMount::Type::tmpfs, .source = {}, .target = "/run"}};
  const Seen seen = containers.run(
      "(echo > /x) 2> /dev/null || echo no; echo > /run/x && echo run; echo > /dev/shm/x && echo "
      "shm; "
      "echo >> /etc/hosts && echo hosts; mount -o remount,rw / 2> /dev/null || echo stays",
      config);
  CHECK(seen.out == "no\nrun\nshm\nhosts\nstays\n");
}

TEST_CASE("no new privileges, the filter, and what is masked") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  const std::string script =
      "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\n\\t'; "
      "(echo 0 > /proc/sys/kernel/printk_ratelimit) 2> /dev/null; "
      "test -s /proc/timer_list && echo -n timers; "
      "grep -c ' /proc/sys ' /proc/self/mountinfo";
  ContainerConfig config;
  CHECK(containers.run(script, config).out == "NoNewPrivs:0Seccomp:21\n");
  config.no_new_privileges = true;
  CHECK(containers.run(script, config).out == "NoNewPrivs:1Seccomp:21\n");
  config.no_new_privileges = false;
  config.no_filter = true;
  if (rights.space.ids != Ids::own)  // whose ids are answered for by a filter
    CHECK(containers.run(script, config).out == "NoNewPrivs:0Seccomp:01\n");
  config.no_filter = false;
  config.no_masks = true;
  CHECK(containers.run(script, config).out.ends_with("0\n"));
}

TEST_CASE("limits: of each process, of shared memory") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  ContainerConfig config;
  config.ulimits = {"nofile=100:200"};
  config.shm_size = 8 << 20;
  const Seen seen =
      containers.run("ulimit -n; ulimit -Hn; df -k /dev/shm | awk 'NR > 1 {print $2}'", config);
  CHECK(seen.out == "100\n200\n8192\n");
}

TEST_CASE("a privileged container writes what others see only") {
  NEEDS_CONTAINERS();
  StartedContainers containers;
  ContainerConfig config;
  config.privileged = true;
  const std::string script =
      "mount -t tmpfs tmpfs /tmp && echo mounts; grep -c ' /sys ro' /proc/self/mountinfo";
  CHECK(containers.run(script, config).out == "mounts\n0\n");
  config.privileged = false;
  CHECK(containers.run(script, config).out == "1\n");
}
