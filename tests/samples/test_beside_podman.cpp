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
    const Built built = workshop.build_folder("beside_podman/images",
                                              {"--target", image, "-t", "localhost/" + image});
    INFO(built.log);
    REQUIRE(built.status == 0);
    save.push_back("localhost/" + image);
  }
  REQUIRE(workshop.slipway(save).status == 0);

  for (const std::string engine : {"slipway", "podman"}) {
    const Finished all = run({"beside_podman/run.sh", engine, workshop.folder() / engine},
                             {{"SLIPWAY", SLIPWAY_PROGRAM}});
    INFO(engine << ": " << all.err);
    REQUIRE(all.status == 0);
  }
  const std::vector<std::string> invocations = rows();
  CHECK(invocations.size() >= 80);
  for (std::size_t row = 1; row <= invocations.size(); ++row) {
    const fs::path ours = workshop.folder() / "slipway";
    const fs::path theirs = workshop.folder() / "podman";
    INFO("row " << row << ": " << invocations[row - 1]);
    INFO("slipway said: " << text(ours, row, ".err"));
    INFO("podman said: " << text(theirs, row, ".err"));
    CHECK(text(ours, row, ".out") == text(theirs, row, ".out"));
    CHECK(text(ours, row, ".status") == text(theirs, row, ".status"));
  }
}
