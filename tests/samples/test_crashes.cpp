// kill -9 at any moment of what writes the store: builds, exports, imports, prunes, and what is on
// its way to and from other machines. What it leaves is sound, in a shared cache too, and the next
// build gives what it would have given.
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
// two stages beside each other, files of the context. The cache mount has folders that came to
// their names when they were whole: a step that finds less in one fails.
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
                 "RUN --mount=type=cache,id=things,target=/things cd /things && \\\n"
                 "    for made in made-*; do \\\n"
                 "      [ ! -e $made ] || (cd $made && sha256sum -cs sums) || exit 1; \\\n"
                 "    done && \\\n"
                 "    rm -rf aside && mkdir aside && \\\n"
                 "    for old in made-*; do [ ! -e $old ] || mv $old aside/; done && \\\n"
                 "    rm -rf aside && mkdir aside && cd aside && \\\n"
                 "    for i in $(seq 50); do echo $ROUND $i > $i; done && \\\n"
                 "    head -c 1000000 /dev/urandom > large && sha256sum * > sums && \\\n"
                 "    cd .. && mv aside made-$ROUND\n"
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

// Where the machines meet, and the machines: the one whose processes are killed, one where nothing
// is ever killed and that takes nothing from others, and one that knows only what is shared.
struct Machines {
  Workshop killed;
  Workshop undisturbed;
  Workshop reader;
  TemporaryFolder folder;

  std::string cache(const char* end) const { return spec(end, "cache"); }
  std::string mounts(const char* end) const { return spec(end, "mounts"); }

  Built read_shared(const std::vector<std::string>& flags) const {
    return reader.build_folder(killed.context(), flags);
  }

 private:
  std::string spec(const char* end, const char* name) const {
    return std::string("type=local,") + end + "=" + (folder.path / name).string();
  }
};

using Words = std::vector<std::string>;

// What is killed. Each gets a number that it did not have before.
struct Victim {
  std::string name;
  std::function<Words(unsigned)> arguments;
  std::function<void(unsigned)> prepare = [](unsigned) {};
  // What holds besides, when it was killed and the store was looked at.
  std::function<void(unsigned)> check = [](unsigned) {};
  Words flags = {};  // of the builds after it
};

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// The fingerprint of an image's files, which are not kept: two hundred rounds would fill a disk.
std::string files_in(const Workshop& workshop, const fs::path& context, const Words& flags) {
  const fs::path files = workshop.files_of(context, flags);
  const std::string print = fingerprint(files);
  fs::remove_all(files);
  fs::remove(files.string() + ".tar");
  return print;
}

// A blob is under its digest only when it is whole, and a record when its blobs are there.
void check_shared_cache(const Machines& machines, const fs::path& folder) {
  if (!fs::exists(folder / "blobs")) return;
  const Finished sums = run({"sh", "-c",
                             "cd \"$0\" && find . -type f | "
                             "sed 's,.*/\\(.*\\),\\1  &,' | sha256sum -c --quiet",
                             folder / "blobs"});
  CHECK_MESSAGE(sums.status == 0, sums.out);
  CHECK_MESSAGE(machines.reader.slipway({"fsck", "-n"}).status == 0, folder.string());
}

// Another machine takes what is there, without a note that some of it is wrong, and gets the image
// of one that builds by itself.
void check_reader(const Machines& machines, unsigned round, const Words& flags) {
  const Built built = machines.read_shared(with(round_flags(round), flags));
  INFO(built.log);
  REQUIRE(built.status == 0);
  CHECK(built.log.find("note: ") == std::string::npos);
  const fs::path& context = machines.killed.context();
  CHECK(files_in(machines.reader, context, with(round_flags(round), flags)) ==
        files_in(machines.undisturbed, context, round_flags(round)));
}

// Only who has no such mount takes one from others.
void drop_mount(const Workshop& workshop) {
  workshop.slipway({"cache", "mounts", "rm", "things"});
}

// An image of which the machine that is killed has no layer: every load has something to do.
void save_other(const Machines& machines, unsigned round) {
  const Built built = machines.undisturbed.build_folder(
      machines.killed.context(),
      {"-t", "other", "--build-arg", "ROUND=other" + std::to_string(round)});
  REQUIRE(built.status == 0);
  const fs::path file = machines.killed.folder() / "other.tar";
  REQUIRE(machines.undisturbed.slipway({"save", "-o", file, "other"}).status == 0);
}

std::vector<Victim> local_victims(const Machines& machines) {
  const fs::path& folder = machines.killed.folder();
  const auto build = [&machines](unsigned round, const Words& more) {
    return with(with({"build", "-t", "round"}, round_flags(round)),
                with(more, {machines.killed.context()}));
  };
  const auto words = [](Words fixed) { return [fixed](unsigned) { return fixed; }; };
  return {
      {"build", [=](unsigned round) { return build(round, {}); }},
      {"build --no-cache", [=](unsigned round) { return build(round, {"--no-cache"}); }},
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
      {"prune --all", words({"prune", "--all"})},
      {"save", words({"save", "-o", folder / "killed.save", "kept"})},
      {"load", words({"load", "-i", folder / "other.tar"}),
       [&machines](unsigned round) { save_other(machines, round); }},
      {"import",
       [=](unsigned round) {
         return Words{"import", folder / "files.tar", "imported:" + std::to_string(round)};
       }},
      {"prune --keep", words({"prune", "--keep", "5MB"})},
  };
}

std::vector<Victim> sharing_victims(const Machines& machines) {
  const Words from{"--cache-from", machines.cache("src")};
  const Words mounts_from{"--cache-mount-from", machines.mounts("src")};
  const auto build = [&machines](unsigned round, const Words& more) {
    return with(with({"build", "-t", "round"}, round_flags(round)),
                with(more, {machines.killed.context()}));
  };
  return {
      {"build --cache-to",
       [=, &machines](unsigned round) {
         return build(round, {"--cache-to", machines.cache("dest")});
       },
       [](unsigned) {},
       [=, &machines](unsigned round) {
         check_shared_cache(machines, machines.folder.path / "cache");
         check_reader(machines, round, from);
       }},
      {"build --cache-from", [=](unsigned round) { return build(round, from); },
       [&machines](unsigned round) {
         const Built built = machines.undisturbed.build_folder(
             machines.killed.context(),
             with(round_flags(round), {"--cache-to", machines.cache("dest")}));
         INFO(built.log);
         REQUIRE(built.status == 0);
       },
       [](unsigned) {}, from},
      {"build --cache-mount-to",
       [=, &machines](unsigned round) {
         return build(round, {"--cache-mount-to", machines.mounts("dest")});
       },
       [](unsigned) {},
       [=, &machines](unsigned round) {
         check_shared_cache(machines, machines.folder.path / "mounts");
         drop_mount(machines.reader);
         check_reader(machines, round, mounts_from);
       }},
      {"build --cache-mount-from", [=](unsigned round) { return build(round, mounts_from); },
       [&machines](unsigned) { drop_mount(machines.killed); }, [](unsigned) {}, mounts_from},
  };
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

// Kills it at a moment of the time that it takes, and says whether that came before its end.
bool kill_within(const Workshop& workshop, const Words& words, std::chrono::microseconds moment) {
  Program program = workshop.start(words);
  std::this_thread::sleep_for(moment);
  program.kill(SIGKILL);
  return program.wait().status == 128 + SIGKILL;
}

}  // namespace

TEST_CASE("what is killed while it writes leaves a sound store, which builds the same images") {
  SKIP_UNLESS_ROOT();
  const Machines machines;
  const Workshop& workshop = machines.killed;
  write_project(workshop);
  REQUIRE(workshop.build({"-t", "kept", "--build-arg", "ROUND=kept"}).status == 0);
  output_of({"tar", "-C", workshop.context(), "-cf", workshop.folder() / "files.tar", "data"});

  std::vector<Victim> all = local_victims(machines);
  for (Victim& victim : sharing_victims(machines)) all.push_back(std::move(victim));
  const unsigned kills = number_from("SLIPWAY_TEST_CRASHES", 2 * static_cast<unsigned>(all.size()));
  const unsigned seed = number_from("SLIPWAY_TEST_SEED", std::random_device{}());
  std::cout << "SLIPWAY_TEST_SEED=" << seed << std::endl;
  std::mt19937 random(seed);
  std::map<std::string, std::chrono::microseconds> whole;  // how long each takes, undisturbed
  std::map<std::string, unsigned> killed;
  std::set<std::string> leftovers;
  for (unsigned round = 0; round < kills; ++round) {
    const Victim& victim = all[round % all.size()];
    CAPTURE(round);
    CAPTURE(victim.name);
    if (!whole.contains(victim.name)) {
      victim.prepare(1000 + round);
      const auto start = Clock::now();
      const Finished first = workshop.slipway(victim.arguments(1000 + round));
      INFO(first.err);
      REQUIRE(first.status == 0);
      whole[victim.name] =
          std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
      // What it was to remove is gone.
      REQUIRE(workshop.build(round_flags(2000 + round)).status == 0);
    }
    victim.prepare(round);
    std::uniform_int_distribution<long> moments(0, whole[victim.name].count());
    if (kill_within(workshop, victim.arguments(round), std::chrono::microseconds(moments(random))))
      ++killed[victim.name];

    const Finished fsck = workshop.slipway({"fsck", "-n"});
    std::set<std::string> left;
    for (const std::string& problem : problems_of(fsck)) {
      CHECK_MESSAGE(is_leftover(problem), problem);
      left.insert(problem);
    }
    leftovers.insert(left.begin(), left.end());
    victim.check(round);
    // What was being made when it was killed.
    const Words flags = with(round_flags(round), victim.flags);
    const Built after = workshop.build(flags);
    INFO(after.log);
    REQUIRE(after.status == 0);
    CHECK(after.log.find("note: ") == std::string::npos);
    CHECK(workshop.build(flags).misses == 0);
    CHECK(files_in(workshop, workshop.context(), flags) ==
          files_in(machines.undisturbed, workshop.context(), round_flags(round)));
    // The end of a build has swept up.
    if (left.empty()) continue;
    const Finished swept = workshop.slipway({"fsck", "-n"});
    CHECK_MESSAGE(swept.status == 0, swept.out);
  }
  unsigned total = 0;
  for (const auto& [name, count] : killed) {
    std::cout << name << ": killed " << count << " times" << std::endl;
    total += count;
  }
  std::cout << total << " of " << kills
            << " killed; leftovers that fsck named: " << leftovers.size() << std::endl;
  CHECK(total > kills / 3);

  for (const Workshop* machine : {&workshop, &machines.reader, &machines.undisturbed}) {
    const Finished last = machine->slipway({"fsck"});
    CHECK_MESSAGE(last.status == 0, last.out);
  }
  // Nobody works any more, and what the killed ones were at is gone.
  CHECK(workshop.slipway({"images"}).status == 0);
  std::size_t folders = 0;
  for (const auto& entry : fs::directory_iterator(workshop.root() / "work")) {
    folders += entry.is_directory() ? 1 : 0;
  }
  CHECK(folders == 0);
}
