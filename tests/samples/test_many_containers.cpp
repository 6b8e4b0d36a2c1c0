// Many containers at once and one after the other, monitors that are killed, and what is left of
// it all: nothing. SLIPWAY_TEST_SEED repeats a series.
#include "yard.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

// Control groups of these containers; other tests have their own.
std::size_t control_groups(const Words& ids) {
  std::size_t count = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at("/sys/fs/cgroup", error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename();
    for (const std::string& id : ids)
      if (at->is_directory(error) && has(name, id.substr(0, 12))) ++count;
  }
  return count;
}

// All files of the store but the database's own.
std::set<std::string> files_of(const fs::path& store) {
  std::set<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(store)) {
    const std::string name = fs::relative(entry.path(), store);
    if (!name.starts_with("slipway.db") && !name.starts_with("layers/")) files.insert(name);
  }
  return files;
}

std::string status_of(const Yard& yard, const std::string& id) {
  for (const std::string& line :
       lines_of(yard.said({"ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Status}}"})))
    if (line.starts_with(id + " ")) return line.substr(id.size() + 1);
  return "not listed";
}

}  // namespace

TEST_CASE("fifty containers that were started at once, and nothing is left of them") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const std::string mounts = read("/proc/self/mountinfo");
  constexpr std::size_t many = 50;
  std::vector<Program> starting;
  for (std::size_t i = 0; i < many; ++i)
    starting.push_back(yard.start({"run", "-d", "--network", "none", "busybox", "sleep", "1000"}));
  Words ids;
  for (Program& program : starting) {
    const Finished finished = program.wait();
    INFO(finished.err);
    REQUIRE(finished.status == 0);
    ids.push_back(without_line_break(finished.out));
  }
  const auto listed = [&](Words words) {
    Words found = lines_of(yard.said(words));
    std::sort(found.begin(), found.end());
    return found;
  };
  std::sort(ids.begin(), ids.end());
  CHECK(listed({"ps", "-q", "--no-trunc"}) == ids);
  // So that none is left means something.
  CHECK(has_children());

  Words words{"stop", "-t", "0"};
  words.insert(words.end(), ids.begin(), ids.end());
  CHECK(lines_of(yard.said(words)).size() == many);
  CHECK(yard.said({"ps", "-q"}).empty());
  CHECK(listed({"ps", "-aq", "--no-trunc", "--filter", "status=exited"}) == ids);
  words = {"rm"};
  words.insert(words.end(), ids.begin(), ids.end());
  CHECK(lines_of(yard.said(words)).size() == many);
  CHECK(yard.said({"ps", "-aq"}).empty());
  yard.check_nothing_left(mounts);
  CHECK(soon([&] { return control_groups(ids) == 0; }));
}

TEST_CASE("monitors that are killed at any moment take their containers with them, and no more") {
  SKIP_UNLESS_ROOT();
  const char* const chosen = std::getenv("SLIPWAY_TEST_SEED");
  const unsigned seed = chosen != nullptr ? static_cast<unsigned>(std::strtoul(chosen, nullptr, 10))
                                          : std::random_device{}();
  std::cout << "SLIPWAY_TEST_SEED=" << seed << std::endl;
  CAPTURE(seed);
  std::mt19937 random(seed);
  Yard yard;
  const std::string mounts = read("/proc/self/mountinfo");
  for (unsigned round = 0; round < 10; ++round) {
    CAPTURE(round);
    const std::string volume = "kept-" + std::to_string(round);
    const Words kept{
        yard.in_background({"--network", "none", "busybox", "sh", "-c",
                            "echo x >> /count; while :; do echo line; sleep 0.01; done"}),
        yard.in_background({"-v", volume + ":/v", "-v", "/own", "busybox", "sleep", "1000"})};
    const std::string passing =
        yard.in_background({"--rm", "--network", "none", "-v", "/own", "busybox", "sleep", "1000"});
    Program attached = yard.start({"run", "--network", "none", "--cidfile",
                                   yard.folder() / ("id-" + std::to_string(round)), "busybox", "sh",
                                   "-c", "echo begun > /dev/null; sleep 1000"});
    const fs::path file = yard.folder() / ("id-" + std::to_string(round));
    std::string watched;
    REQUIRE(soon([&] {
      if (fs::exists(file)) watched = read(file);
      return watched.size() == 64 && yard.process(watched, "process").alive();
    }));
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 100));
    Words all = kept;
    all.push_back(passing);
    all.push_back(watched);
    std::vector<ProcessOfState> processes;
    for (const std::string& id : all) {
      processes.push_back(yard.process(id, "process"));
      CHECK(processes.back().alive());
    }
    std::shuffle(all.begin(), all.end(), random);
    for (const std::string& id : all) {
      const ProcessOfState monitor = yard.process(id, "monitor");
      CHECK(monitor.alive());
      monitor.kill();
      CHECK(soon([&] { return !monitor.alive(); }));
    }
    CHECK(attached.wait().status == 137);
    for (const ProcessOfState& process : processes) CHECK(soon([&] { return !process.alive(); }));
    for (const std::string& id : kept) {
      CHECK(status_of(yard, id).starts_with("Exited (137)"));
      CHECK(without_line_break(yard.said({"start", id})) == id);
      CHECK(status_of(yard, id).starts_with("Up"));
    }
    CHECK(status_of(yard, watched).starts_with("Exited (137)"));
    Words words{"rm", "-f", "-v", kept[0], kept[1], watched};
    // Whoever looks after it next may have removed it, as --rm says.
    if (status_of(yard, passing) != "not listed") words.push_back(passing);
    CHECK(yard.slipway(words).status == 0);
    CHECK(yard.said({"volume", "rm", volume}) == volume + "\n");
  }
  CHECK(names_in(yard.root() / "volumes").empty());
  yard.check_nothing_left(mounts);
}

TEST_CASE("a container and its monitor that were killed at once start again with their files") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const std::string mounts = read("/proc/self/mountinfo");
  Words ids;
  for (int i = 0; i < 3; ++i)
    ids.push_back(yard.in_background({"--network", "none", "-v", "shared:/v", "busybox", "sh", "-c",
                                      "echo x >> /count; echo x >> /v/count; echo written; "
                                      "sleep 1000"}));
  for (const std::string& id : ids) {
    REQUIRE(soon([&] { return yard.said({"logs", id}) == "written\n"; }));
    const ProcessOfState monitor = yard.process(id, "monitor");
    const ProcessOfState process = yard.process(id, "process");
    REQUIRE(monitor.alive());
    REQUIRE(process.alive());
    monitor.kill();
    process.kill();
    CHECK(soon([&] { return !monitor.alive() && !process.alive(); }));
  }
  for (const std::string& id : ids) CHECK(status_of(yard, id).starts_with("Exited (137)"));
  CHECK(lines_of(yard.said({"start", ids[0], ids[1], ids[2]})) == ids);
  for (const std::string& id : ids) {
    CHECK(soon([&] { return yard.said({"logs", id}) == "written\nwritten\n"; }));
    CHECK(yard.said({"exec", id, "cat", "/count"}) == "x\nx\n");
  }
  CHECK(yard.said({"exec", ids[0], "wc", "-l", "/v/count"}) == "6 /v/count\n");
  CHECK(lines_of(yard.said({"rm", "-f", ids[0], ids[1], ids[2]})) == ids);
  yard.said({"volume", "rm", "shared"});
  yard.check_nothing_left(mounts);
}

TEST_CASE("a hundred runs leave what one leaves: nothing") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const Words words{"--rm", "--network", "none", "busybox", "true"};
  yard.output(words);
  const std::string mounts = read("/proc/self/mountinfo");
  const auto files = files_of(yard.root());
  for (int i = 0; i < 100; ++i) CHECK(yard.run(words).status == 0);
  yard.check_nothing_left(mounts);
  CHECK(files_of(yard.root()) == files);
}

TEST_CASE("a hundred containers of one image share its files") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  constexpr std::size_t many = 100;
  Words ids;
  for (std::size_t i = 0; i < many; ++i)
    ids.push_back(
        without_line_break(yard.said({"create", "--network", "none", "busybox", "true"})));
  const auto kilobytes = [&](const char* folder) {
    return std::stoul(output_of({"du", "-sk", "--apparent-size", (yard.root() / folder).string()}));
  };
  // A directory is 4 KiB by itself, and a container has three or four.
  CHECK(kilobytes("containers") < many * 40);
  CHECK(kilobytes("layers") < 3 * 4096);
  REQUIRE(yard.slipway({"start", ids[0]}).status == 0);
  yard.said({"wait", ids[0]});
  const Words sizes = lines_of(yard.said({"ps", "-a", "--size", "--format", "{{.Size}}"}));
  REQUIRE(sizes.size() == many);
  for (const std::string& size : sizes) {
    CHECK(size.starts_with("0B (virtual "));
    CHECK(size.ends_with("MB)"));
  }
  Words words{"rm"};
  words.insert(words.end(), ids.begin(), ids.end());
  CHECK(yard.slipway(words).status == 0);
  CHECK(yard.containers().empty());
}
