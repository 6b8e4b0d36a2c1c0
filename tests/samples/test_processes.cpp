// Several slipway processes on one state, and some that are killed.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

using namespace slipway;

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Lines of this process's mounts that lie below a folder.
std::string mounts_below(const fs::path& folder) {
  std::string found;
  std::string line;
  for (const char c : read("/proc/self/mountinfo")) {
    line += c;
    if (c != '\n') continue;
    if (line.find(folder.string()) != std::string::npos) found += line;
    line.clear();
  }
  return found;
}

}  // namespace

TEST_CASE("two processes that build one Dockerfile run each of its steps once") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  // What a step writes differs from run to run, so equal images come from the same runs.
  const std::string unique = "cat /proc/sys/kernel/random/uuid";
  workshop.write("Dockerfile",
                 "FROM busybox AS left\n"
                 "RUN sleep 0.3; " + unique + " > /left\n"
                 "RUN " + unique + " > /more\n"
                 "FROM busybox AS right\n"
                 "RUN sleep 0.2; " + unique + " > /right\n"
                 "FROM busybox\n"
                 "COPY --from=left /left /more /\n"
                 "COPY --from=right /right /\n"
                 "RUN " + unique + " > /last\n");
  Workshop::Running first = workshop.start_build({"-t", "first"});
  Workshop::Running second = workshop.start_build({"-t", "second"});
  const Built one = first.finish();
  const Built two = second.finish();
  INFO(one.log);
  INFO(two.log);
  REQUIRE(one.status == 0);
  REQUIRE(two.status == 0);
  CHECK(one.misses + two.misses == 6);
  CHECK(one.hits + two.hits == 6);
  CHECK(one.image == two.image);
  CHECK(workshop.build().image == one.image);
}

TEST_CASE("two processes that build different Dockerfiles do not disturb each other") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\nARG WHO\nRUN echo shared > /shared\nRUN echo $WHO > /who\n");
  std::vector<Workshop::Running> builds;
  for (int i = 0; i < 6; ++i) {
    builds.push_back(workshop.start_build({"--build-arg", "WHO=" + std::to_string(i)}));
  }
  for (Workshop::Running& running : builds) {
    const Built built = running.finish();
    INFO(built.log);
    CHECK(built.status == 0);
  }
  for (int i = 0; i < 6; ++i) {
    const std::string who = std::to_string(i);
    CHECK(read(workshop.files_of(workshop.context(), {"--build-arg", "WHO=" + who}) / "who") ==
          who + "\n");
  }
}

TEST_CASE("a build that was killed at any moment leaves a state that builds correctly") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  // Every build argument gives builds of their own: large and small files, deletions, a second
  // stage, a copy from the context.
  workshop.write("Dockerfile",
                 "FROM busybox AS build\n"
                 "ARG ROUND\n"
                 "COPY data /data\n"
                 "RUN for i in $(seq 200); do echo $ROUND $i > /data/$i; done\n"
                 "RUN yes $ROUND | head -c 4000000 > /large && rm /data/1*\n"
                 "RUN ln /large /linked && chmod 600 /data/2 && mkdir /empty\n"
                 "FROM busybox AS other\n"
                 "ARG ROUND\n"
                 "RUN echo other $ROUND > /other && rm -r /home && mkdir /home\n"
                 "FROM busybox\n"
                 "COPY --from=build /data /data\n"
                 "COPY --from=build /large /linked /\n"
                 "COPY --from=other /other /home/\n"
                 "RUN wc -c /large > /size\n");
  for (int i = 0; i < 50; ++i) {
    workshop.write("data/dir" + std::to_string(i % 7) + "/file" + std::to_string(i),
                   std::string(static_cast<std::size_t>(i) * 100, 'd'));
  }
  Workshop undisturbed;
  const auto round_flags = [](int round) {
    return std::vector<std::string>{"--build-arg", "ROUND=" + std::to_string(round)};
  };

  const auto start = Clock::now();
  REQUIRE(undisturbed.build_folder(workshop.context(), round_flags(0)).status == 0);
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);

  const char* chosen = std::getenv("SLIPWAY_TEST_SEED");
  const unsigned seed = chosen != nullptr ? static_cast<unsigned>(std::strtoul(chosen, nullptr, 10))
                                          : std::random_device{}();
  INFO("SLIPWAY_TEST_SEED=", seed);
  std::mt19937 random(seed);
  std::uniform_int_distribution<long> moments(0, whole.count());

  int killed = 0;
  for (int round = 1; round <= 30; ++round) {
    CAPTURE(round);
    Workshop::Running running = workshop.start_build(round_flags(round));
    std::this_thread::sleep_for(std::chrono::microseconds(moments(random)));
    running.program.kill(SIGKILL);
    if (running.program.wait().status == 128 + SIGKILL) ++killed;

    // Every tenth round the build itself; in between the next kill meets what this one left.
    if (round % 10 != 0) continue;
    for (const int check : {round, round - 5}) {
      const Built after = workshop.build(round_flags(check));
      INFO(after.log);
      REQUIRE(after.status == 0);
      CHECK(fingerprint(workshop.files_of(workshop.context(), round_flags(check))) ==
            fingerprint(undisturbed.files_of(workshop.context(), round_flags(check))));
      const Built again = workshop.build(round_flags(check));
      CHECK(again.misses == 0);
      CHECK(again.image == after.image);
    }
  }
  CHECK(killed > 10);
  CHECK(mounts_below(workshop.root()) == "");
  CHECK(workshop.slipway({"images"}).status == 0);
}

TEST_CASE("an interrupted build stops its steps and says so") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  const std::string marker = "sleep 98" + std::to_string(::getpid());
  workshop.write("Dockerfile", "FROM busybox\nRUN echo started; " + marker + "\n");
  Workshop::Running running = workshop.start_build();
  const auto sleeps = [&] { return run({"pgrep", "-f", "^" + marker}).status == 0; };
  for (int tries = 0; tries < 400 && !sleeps(); ++tries) {
    REQUIRE(running.program.running());
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  REQUIRE(sleeps());
  running.program.kill(SIGINT);
  CHECK(running.program.wait().status != 0);
  CHECK(!sleeps());
}
