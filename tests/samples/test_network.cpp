// The network of each RUN, and what a build says where its steps cannot have one of their own.
#include "workshop.hpp"

#include "executor/process_variables.hpp"

#include <doctest/doctest.h>
#include <net/if.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

// A PATH with nothing in it but what a user's build needs for its ids.
fs::path bare_path(const Workshop& workshop) {
  const fs::path folder = workshop.folder() / "bin";
  fs::create_directory(folder);
  for (const std::string name : {"newuidmap", "newgidmap"}) {
    fs::create_symlink("/usr/bin/" + name, folder / name);
  }
  return folder;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

constexpr const char* note = "note: RUN shares the host's network: ";

std::set<std::string> devices(const fs::path& file) {
  std::istringstream text(read(file));
  return {std::istream_iterator<std::string>(text), {}};
}

std::set<std::string> devices_here() {
  std::set<std::string> names;
  struct if_nameindex* const all = ::if_nameindex();
  REQUIRE(all != nullptr);
  for (const auto* one = all; one->if_index != 0; ++one) names.insert(one->if_name);
  ::if_freenameindex(all);
  return names;
}

}  // namespace

TEST_CASE("each RUN has the network it asks for, or else that of the build") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  const std::string look = "cut -s -d: -f1 /proc/net/dev > /";
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN " +
                     look +
                     "unsaid\n"
                     "RUN --network=default " +
                     look +
                     "default\n"
                     "RUN --network=none " +
                     look + "none\n");
  using Devices = std::set<std::string>;
  const Devices here = devices_here();
  const Devices own = {"idle0", "lo"};
  const Devices none = {"lo"};
  fs::path files = workshop.files_of(workshop.context());
  CHECK(devices(files / "unsaid") == own);
  CHECK(devices(files / "default") == own);
  CHECK(devices(files / "none") == none);
  files = workshop.files_of(workshop.context(), {"--network=none"});
  CHECK(devices(files / "unsaid") == none);
  CHECK(devices(files / "default") == none);
  files = workshop.files_of(workshop.context(), {"--network=host"});
  CHECK(devices(files / "unsaid") == here);
  CHECK(devices(files / "none") == none);

  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN --network=host " +
                     look +
                     "host\n"
                     "RUN " +
                     look + "unsaid\n");
  files = workshop.files_of(workshop.context(), {"--allow=network.host"});
  CHECK(devices(files / "host") == here);
  CHECK(devices(files / "unsaid") == own);
}

TEST_CASE("without a program for the network a build says once what to install") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nRUN echo 1 > /1\nRUN echo 2 > /2\n");
  const ProcessVariables path({{"PATH", bare_path(workshop)}});

  const fs::path metadata = workshop.folder() / "metadata";
  const Finished first = workshop.slipway(
      {"build", "--progress=plain", "--metadata-file", metadata, workshop.context()});
  INFO(first.err);
  REQUIRE(first.status == 0);
  CHECK(count(first.err, note) == 1);
  CHECK(first.err.find("hint: install the package slirp4netns") != std::string::npos);
  const auto notes = nlohmann::json::parse(read(metadata)).at("slipway.notes");
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].at("message").get<std::string>().starts_with("RUN shares the host's network"));

  // Nothing runs, or nothing that should have a network of its own.
  CHECK(count(workshop.build().log, note) == 0);
  CHECK(count(workshop.build({"--no-cache", "--network=host"}).log, note) == 0);
  CHECK(count(workshop.slipway({"build", "-q", "--no-cache", workshop.context()}).err, note) == 0);
}
