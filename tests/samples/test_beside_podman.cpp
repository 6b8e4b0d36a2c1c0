// The same invocations by slipway and by podman: the same standard output, the same exit status.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> images = {"box",     "entry",   "shellform", "withuser",
                                         "withenv", "volumes", "stopping"};

std::vector<std::string> rows() {
  std::vector<std::string> all;
  std::ifstream file("beside_podman/rows.txt");
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line.front() != '#') all.push_back(line);
  return all;
}

std::string text(const fs::path& folder, std::size_t row, const char* what) {
  return read(folder / (std::to_string(row) + what));
}

}  // namespace

TEST_CASE("containers print and end as podman's do") {
  if (::geteuid() != 0) {
    MESSAGE("root's alone, because the test gives podman a tree of control groups");
    return;
  }
  if (run({"sh", "-c", "command -v podman"}).status != 0) {
    MESSAGE("skipped: podman is not installed");
    return;
  }
  const Workshop workshop;
  std::vector<std::string> save{"save", "-o", workshop.folder() / "images.tar"};
  for (const std::string& image : images) {
    const Built built =
        workshop.build_folder("beside_podman/images", {"--target", image, "-t", image});
    INFO(built.log);
    REQUIRE(built.status == 0);
    save.push_back(image);
  }
  REQUIRE(workshop.slipway(save).status == 0);

  const std::vector<std::string> invocations = rows();
  CHECK(invocations.size() >= 80);
  const fs::path ours = workshop.folder() / "slipway";
  const fs::path theirs = workshop.folder() / "podman";
  const auto differ = [&](std::size_t row) {
    return text(ours, row, ".out") != text(theirs, row, ".out") ||
           text(ours, row, ".status") != text(theirs, row, ".status");
  };
  // Podman loses a container's output at times when the machine is busy, so its word counts when it
  // gives it twice.
  std::vector<std::string> different;  // empty: all are to be run
  for (int attempt = 0; attempt < 3; ++attempt) {
    for (const std::string engine : {"podman", "slipway"}) {
      if (attempt > 0 && engine == "slipway") continue;
      std::vector<std::string> words{"beside_podman/run.sh", engine, workshop.folder() / engine};
      words.insert(words.end(), different.begin(), different.end());
      const Finished all = run(words, {{"SLIPWAY", SLIPWAY_PROGRAM}});
      INFO(engine << ": " << all.err);
      REQUIRE(all.status == 0);
    }
    different.clear();
    for (std::size_t row = 1; row <= invocations.size(); ++row)
      if (differ(row)) different.push_back(std::to_string(row));
    if (different.empty()) break;
  }
  for (const std::string& number : different) {
    const std::size_t row = std::stoul(number);
    INFO("row " << row << ": " << invocations[row - 1]);
    INFO("slipway: " << text(ours, row, ".status") << text(ours, row, ".out")
                     << text(ours, row, ".err"));
    INFO("podman: " << text(theirs, row, ".status") << text(theirs, row, ".out")
                    << text(theirs, row, ".err"));
    CHECK_MESSAGE(false, "they differ");
  }
}
