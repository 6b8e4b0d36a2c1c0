// kill -9 at any moment of what writes the store: builds, exports, imports. What it leaves is
// sound, and the next build gives what it would have given.
//
// SLIPWAY_TEST_CRASHES says how many kills (24 where nothing says it), SLIPWAY_TEST_SEED repeats a
// series.
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

using namespace slipway;

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

unsigned number_from(const char* name, unsigned otherwise) {
  const char* const chosen = std::getenv(name);
  return chosen != nullptr ? static_cast<unsigned>(std::strtoul(chosen, nullptr, 10)) : otherwise;
}

// Steps of every kind, other ones for each round: many small files, a large one, deletions, links,
// two stages beside each other, files of the context.
void write_project(const Workshop& workshop) {
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
                 "COPY --link --from=other /other /home/\n"
                 "RUN wc -c /large > /size\n");
  for (std::size_t i = 0; i < 50; ++i) {
    workshop.write("data/dir" + std::to_string(i % 7) + "/file" + std::to_string(i),
                   std::string(i * 100, 'd'));
  }
}

std::vector<std::string> round_flags(unsigned round) {
  return {"--build-arg", "ROUND=" + std::to_string(round)};
}

// What is killed. Each gets a number that it did not have before.
struct Victim {
  std::string name;
  std::function<std::vector<std::string>(unsigned)> arguments;
};

std::vector<Victim> victims(const Workshop& workshop) {
  const fs::path& folder = workshop.folder();
  const auto build = [&workshop](unsigned round, std::vector<std::string> more) {
    std::vector<std::string> words{"build", "-t", "round"};
    for (auto& word : round_flags(round)) words.push_back(word);
    for (auto& word : more) words.push_back(word);
    words.push_back(workshop.context());
    return words;
  };
  return {
      {"build", [=](unsigned round) { return build(round, {}); }},
      {"build", [=](unsigned round) { return build(round, {"--no-cache"}); }},
      {"build -o tar",
       [=](unsigned round) {
         return build(round, {"-o", "type=tar,dest=" + (folder / "killed.tar").string()});
       }},
      {"build -o oci",
       [=](unsigned round) {
         return build(round, {"-o", "type=oci,dest=" + (folder / "killed.oci").string()});
       }},
      {"build -o local",
       [=](unsigned round) {
         return build(round, {"-o", (folder / ("killed-" + std::to_string(round))).string()});
       }},
      {"save",
       [=](unsigned) {
         return std::vector<std::string>{"save", "-o", folder / "killed.save", "kept"};
       }},
      {"load",
       [=](unsigned) {
         return std::vector<std::string>{"load", "-i", folder / "other.tar"};
       }},
      {"import",
       [=](unsigned round) {
         return std::vector<std::string>{"import", folder / "files.tar",
                                         "imported:" + std::to_string(round)};
       }},
  };
}

// An image of which the workshop that is killed has no layer: every load has something to do.
void save_other(const Workshop& undisturbed, const Workshop& workshop, unsigned round) {
  const Built built = undisturbed.build_folder(
      workshop.context(), {"-t", "other", "--build-arg", "ROUND=other" + std::to_string(round)});
  REQUIRE(built.status == 0);
  const fs::path file = workshop.folder() / "other.tar";
  REQUIRE(undisturbed.slipway({"save", "-o", file, "other"}).status == 0);
}

// Lines of `fsck -n` but the last, which counts.
std::vector<std::string> problems_of(const Finished& fsck) {
  std::vector<std::string> lines;
  std::istringstream stream(fsck.out);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  REQUIRE(!lines.empty());
  lines.pop_back();
  return lines;
}

// What a process that was killed may leave: nothing refers to it.
bool is_leftover(const std::string& problem) {
  return problem.find(" belongs to nothing") != std::string::npos;
}

}  // namespace

TEST_CASE("what is killed while it writes leaves a sound store, which builds the same images") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  Workshop undisturbed;
  write_project(workshop);
  REQUIRE(workshop.build({"-t", "kept", "--build-arg", "ROUND=kept"}).status == 0);
  REQUIRE(
      undisturbed.build_folder(workshop.context(), {"-t", "other", "--build-arg", "ROUND=other"})
          .status == 0);
  output_of({"tar", "-C", workshop.context(), "-cf", workshop.folder() / "files.tar", "data"});

  const unsigned kills = number_from("SLIPWAY_TEST_CRASHES", 24);
  const unsigned seed = number_from("SLIPWAY_TEST_SEED", std::random_device{}());
  std::cout << "SLIPWAY_TEST_SEED=" << seed << std::endl;
  std::mt19937 random(seed);
  const std::vector<Victim> all = victims(workshop);
  std::map<std::string, std::chrono::microseconds> whole;  // how long each takes, undisturbed
  std::map<std::string, unsigned> killed;
  std::set<std::string> leftovers;
  for (unsigned round = 0; round < kills; ++round) {
    const Victim& victim = all[round % all.size()];
    CAPTURE(round);
    CAPTURE(victim.name);
    if (!whole.contains(victim.name)) {
      save_other(undisturbed, workshop, 1000 + round);
      const auto start = Clock::now();
      const Finished first = workshop.slipway(victim.arguments(1000 + round));
      INFO(first.err);
      REQUIRE(first.status == 0);
      whole[victim.name] =
          std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
    }
    if (victim.name == "load") save_other(undisturbed, workshop, round);
    std::uniform_int_distribution<long> moments(0, whole[victim.name].count());
    Program program = workshop.start(victim.arguments(round));
    std::this_thread::sleep_for(std::chrono::microseconds(moments(random)));
    program.kill(SIGKILL);
    if (program.wait().status == 128 + SIGKILL) ++killed[victim.name];

    const Finished fsck = workshop.slipway({"fsck", "-n"});
    for (const std::string& problem : problems_of(fsck)) {
      CHECK_MESSAGE(is_leftover(problem), problem);
      leftovers.insert(problem);
    }
    // What was being made when it was killed.
    const Built after = workshop.build(round_flags(round));
    INFO(after.log);
    REQUIRE(after.status == 0);
    CHECK(workshop.build(round_flags(round)).misses == 0);
    CHECK(fingerprint(workshop.files_of(workshop.context(), round_flags(round))) ==
          fingerprint(undisturbed.files_of(workshop.context(), round_flags(round))));
  }
  unsigned total = 0;
  for (const auto& [name, count] : killed) {
    std::cout << name << ": killed " << count << " times" << std::endl;
    total += count;
  }
  std::cout << total << " of " << kills
            << " killed; leftovers that fsck named: " << leftovers.size() << std::endl;
  CHECK(total > kills / 3);

  workshop.slipway({"fsck"});
  const Finished last = workshop.slipway({"fsck"});
  INFO(last.out);
  CHECK(last.status == 0);
  // Nobody works any more, and what the killed ones were at is gone.
  CHECK(workshop.slipway({"images"}).status == 0);
  std::size_t folders = 0;
  for (const auto& entry : fs::directory_iterator(workshop.root() / "work")) {
    folders += entry.is_directory() ? 1 : 0;
  }
  CHECK(folders == 0);
}
