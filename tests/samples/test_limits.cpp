// What a RUN may use: the flags, what they do to a step, and what they do to the cache.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <string>
#include <vector>

using namespace slipway;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Why this machine cannot hold limits of the kind; says it and gives false.
bool can_hold(const Workshop& workshop, const std::vector<std::string>& flags) {
  workshop.write("Dockerfile", "FROM busybox\nRUN true\n");
  const Built built = workshop.build(flags);
  if (built.status == 0) return true;
  REQUIRE(has(built.log, "cannot be held"));
  MESSAGE("skipped: " << built.log);
  return false;
}

}  // namespace

TEST_CASE("--shm-size and --ulimit reach the step, and another limit is another step") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN grep -o ' /dev/shm .*' /proc/mounts; ulimit -Sn; ulimit -Hn\n");
  const Built first = workshop.build({"--shm-size", "128m", "--ulimit", "nofile=1062:2000"});
  INFO(first.log);
  REQUIRE(first.status == 0);
  CHECK(has(first.log, "size=131072k"));
  CHECK(has(first.log, " 1062\n"));
  CHECK(has(first.log, " 2000\n"));
  // The same limits in other words.
  CHECK(workshop
            .build({"--ulimit", "nofile=7", "--ulimit", "nofile=1062:2000", "--shm-size",
                    "134217728"})
            .misses == 0);
  const Built other = workshop.build({"--shm-size", "128m", "--ulimit", "nofile=1063:2000"});
  CHECK(other.misses == 1);
  CHECK(workshop.build({"--shm-size", "64m"}).misses == 1);
  CHECK(workshop.build().misses == 1);
}

TEST_CASE("a limit of the kernel's own is told with the step that has it") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nRUN true\n");
  const Built built = workshop.build({"--ulimit", "nofile=9223372036854775807"});
  CHECK(built.status == 1);
  CHECK(has(built.log, "Dockerfile:2:1: error: --ulimit \"nofile="));
  CHECK(has(built.log, "hint: no process of this machine may have more files"));
}

TEST_CASE("a step that runs out of memory says so, and more memory finds the rest in the cache") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  if (!can_hold(workshop, {"--memory", "48m", "--memory-swap", "48m"})) return;
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN echo first > /first\n"
                 "RUN dd if=/dev/zero of=/dev/null bs=100M count=1\n");
  const Built failed = workshop.build({"--memory", "48m", "--memory-swap", "48m"});
  INFO(failed.log);
  CHECK(failed.status == 1);
  CHECK(has(failed.log, "Dockerfile:3:1: error: process "));
  CHECK(has(failed.log, "exit code: 137 (out of memory)"));
  CHECK(has(failed.log, "hint: the kernel killed a process of this step at the limit of --memory"));
  const Built more = workshop.build({"--resource", "memory=400m"});
  CHECK(more.status == 0);
  CHECK(more.hits == 1);
  CHECK(more.misses == 1);
}

TEST_CASE("limits change no key and no image") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  const std::vector<std::string> limits = {"--memory",     "200m", "--cpus",       "1", "--cpuset-cpus",
                                           "0",            "--pids-limit",         "50",
                                           "--cpu-shares", "512"};
  if (!can_hold(workshop, limits)) return;
  workshop.write("Dockerfile", "FROM busybox\nRUN echo made > /made\nRUN wc -c /made > /size\n");
  const Built plain = workshop.build();
  const Built limited = workshop.build(limits);
  CHECK(limited.misses == 0);
  CHECK(limited.image == plain.image);
  Workshop other;
  other.write("Dockerfile", read(workshop.context() / "Dockerfile"));
  REQUIRE(other.build(limits).misses == 2);
  CHECK(other.build().misses == 0);
}

TEST_CASE("a fork bomb fills its own step and no other") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  if (!can_hold(workshop, {"--pids-limit", "30"})) return;
  workshop.write("Dockerfile",
                 "FROM busybox AS bomb\n"
                 "RUN for i in $(seq 100); do sleep 100 & done; wait\n"
                 "FROM busybox AS beside\n"
                 "RUN for i in 1 2 3 4 5 6 7 8 9; do sleep 0.1 & done; wait; echo all > /all\n"
                 "FROM busybox\n"
                 "COPY --from=beside /all /\n"
                 "COPY --from=bomb / /bomb\n");
  const Built built = workshop.build({"--pids-limit", "30", "--keep-going"});
  INFO(built.log);
  CHECK(built.status == 1);
  CHECK(has(built.log, "can't fork"));
  CHECK(workshop.build({"--target", "beside"}).misses == 0);
}
