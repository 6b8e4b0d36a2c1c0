// The room of the cache, as a user has it: prune, du, config, cache mounts, and builds beside them.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool is_sound(const Workshop& workshop) {
  const Finished fsck = workshop.slipway({"fsck", "-n"});
  INFO(fsck.out);
  return fsck.status == 0;
}

void wait_for(const fs::path& file) {
  for (int i = 0; i < 1000 && !fs::exists(file); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  REQUIRE(fs::exists(file));
}

}  // namespace

TEST_CASE("what prune removes runs again, and what the image has does not") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox AS tools\nRUN echo tools > /tools; echo more > /more\n"
                 "FROM busybox\nRUN echo first > /first\nCOPY --from=tools /tools /\n");
  const Built first = workshop.build({"-t", "app"});
  REQUIRE(first.status == 0);

  const Finished dry = workshop.slipway({"prune", "--all", "--dry-run"});
  CHECK(contains(dry.out, "RUN echo tools > /tools; echo more > /more"));
  CHECK_FALSE(contains(dry.out, "RUN echo first > /first"));
  CHECK(contains(dry.out, "Would reclaim: "));
  CHECK(workshop.build({"-t", "app"}).hits == 3);

  const Finished pruned = workshop.slipway({"prune", "--all"});
  INFO(pruned.err);
  REQUIRE(pruned.status == 0);
  CHECK(contains(pruned.out, "Total reclaimed space: "));
  CHECK(is_sound(workshop));
  const Built again = workshop.build({"-t", "app"});
  INFO(again.log);
  CHECK(again.ran() == std::vector<std::string>{"RUN echo tools > /tools; echo more > /more"});
  CHECK(again.image == first.image);

  REQUIRE(workshop.slipway({"rmi", "app"}).status == 0);
  REQUIRE(workshop.slipway({"prune", "--filter", "until=24h"}).status == 0);
  CHECK(workshop.build({"-t", "app"}).hits == 3);
  REQUIRE(workshop.slipway({"rmi", "app"}).status == 0);
  REQUIRE(workshop.slipway({"prune", "--filter", "type=layer"}).status == 0);
  CHECK(workshop.build({"-t", "app"}).misses == 3);
  CHECK(is_sound(workshop));
}

TEST_CASE("a build beside which all is pruned ends as one that is alone") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  const fs::path go = workshop.folder() / "shared";
  workshop.write("Dockerfile",
                 "FROM busybox AS first\nRUN echo first > /first\n"
                 "FROM busybox AS second\nCOPY --from=first /first /\n"
                 "RUN --mount=type=cache,target=/cache cat /first; echo kept > /cache/kept\n"
                 "RUN sleep 2; test -f /first\n"
                 "FROM busybox\nCOPY --from=second /first /second\nRUN test -f /second\n");
  REQUIRE(workshop.build({"--target", "second"}).status == 0);
  REQUIRE(workshop.slipway({"prune", "--filter", "id=nothing"}).status == 0);
  // Its first steps are hits, and the last image's are new.
  workshop.write("Dockerfile",
                 "FROM busybox AS first\nRUN echo first > /first\n"
                 "FROM busybox AS second\nCOPY --from=first /first /\n"
                 "RUN --mount=type=cache,target=/cache cat /first; echo kept > /cache/kept\n"
                 "RUN sleep 2; test -f /first; : anew\n"
                 "FROM busybox\nCOPY --from=second /first /second\nRUN test -f /second\n");
  Workshop::Running build = workshop.start_build({"-t", "app"});
  std::size_t prunes = 0;
  while (build.program.running()) {
    const Finished pruned = workshop.slipway({"prune", "--all"});
    INFO(pruned.err);
    CHECK(pruned.status == 0);
    ++prunes;
  }
  const Built built = build.finish();
  INFO(built.log);
  CHECK(built.status == 0);
  CHECK(prunes > 1);
  CHECK(is_sound(workshop));
}

TEST_CASE("cache.keep holds after every build, and what was evicted is said") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  REQUIRE(workshop.slipway({"config", "set", "cache.keep", "3MB"}).status == 0);
  CHECK(workshop.slipway({"config", "get", "cache.keep"}).out == "3MB\n");
  const auto build = [&](int number) {
    const std::string n = std::to_string(number);
    workshop.write("Dockerfile",
                   "FROM busybox AS made\nRUN head -c 2000000 /dev/zero > /zeros; echo " + n +
                       " > /number\nFROM scratch\nCOPY --from=made /number /\n");
    return workshop.build({"-t", "app"});
  };
  const Built first = build(1);
  REQUIRE(first.status == 0);
  CHECK_FALSE(contains(first.log, "evicted"));
  const Built second = build(2);
  INFO(second.log);
  CHECK(contains(second.log, "cache: evicted 1 step"));
  CHECK(contains(second.log, ", to keep 3MB"));
  const auto usage = nlohmann::json::parse(workshop.slipway({"du", "--format", "json"}).out);
  std::uint64_t reclaimable = 0;
  for (const auto& total : usage["Totals"])
    reclaimable += total["Reclaimable"].get<std::uint64_t>();
  CHECK(reclaimable <= std::uint64_t{3} << 20);
  REQUIRE(workshop.slipway({"config", "unset", "cache.keep"}).status == 0);
  CHECK_FALSE(contains(build(3).log, "evicted"));
  CHECK(is_sound(workshop));
}

TEST_CASE("cache mounts are listed by name, and one in use is not removed") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write(
      "Dockerfile",
      "FROM busybox\n"
      "RUN --mount=type=cache,target=/one,id=first head -c 12345 /dev/zero > /one/zeros\n"
      "RUN --mount=type=cache,target=/two echo two > /two/file; sleep 5\n");
  Workshop::Running build = workshop.start_build();
  const std::string two =
      output_of({"sh", "-c", "printf 'cache-mount\\n/two' | sha256sum | cut -c1-64"});
  wait_for(workshop.root() / "mounts" / two.substr(0, 64) / "file");
  const Finished refused = workshop.slipway({"cache", "mounts", "rm", "/two"});
  CHECK(refused.status == 1);
  CHECK(contains(refused.err, "in use by a running build"));
  CHECK(build.finish().status == 0);

  const Finished listed = workshop.slipway({"cache", "mounts"});
  INFO(listed.out);
  CHECK(contains(listed.out, "12.3kB"));
  CHECK(contains(listed.out, "first"));
  CHECK(contains(listed.out, "/two"));
  const Finished removed = workshop.slipway({"cache", "mounts", "rm", "first", two.substr(0, 10)});
  INFO(removed.err);
  CHECK(removed.status == 0);
  CHECK(fs::is_empty(workshop.root() / "mounts"));
  CHECK(workshop.slipway({"cache", "mounts", "rm", "first"}).status == 1);
}

TEST_CASE("who waits for another process's step is shown its output") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\nRUN echo the beginning; sleep 3; echo the end; date +%N > /made\n");
  Workshop::Running one = workshop.start_build();
  wait_for(workshop.root() / "locks" / "steps");
  std::this_thread::sleep_for(std::chrono::seconds(1));
  Workshop::Running other = workshop.start_build();
  const Built first = one.finish();
  const Built second = other.finish();
  INFO(first.log);
  INFO(second.log);
  CHECK(first.misses + second.misses == 1);
  for (const Built* built : {&first, &second}) {
    CHECK(contains(built->log, "the beginning"));
    CHECK(contains(built->log, "the end"));
  }
  CHECK(contains(second.log, "waiting for another slipway process"));
  CHECK(first.image == second.image);
  CHECK(fs::is_empty(workshop.root() / "work"));
}
