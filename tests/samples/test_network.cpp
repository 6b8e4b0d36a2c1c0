// What a build says where its steps cannot have a network of their own.
#include "workshop.hpp"

#include "executor/process_variables.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
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

}  // namespace

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
