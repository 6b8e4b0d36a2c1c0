// What is asked of a Dockerfile instead of a build: each folder in calls/ has a Dockerfile, the
// arguments of `slipway build` in `arguments`, one a line, and in `expected` all that comes of it.
#include "program.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Outcome call(const fs::path& folder, const std::string& root) {
  std::vector<std::string> arguments = {"build", "--root", root};
  std::istringstream lines(read_file(folder / "arguments"));
  for (std::string line; std::getline(lines, line);) arguments.push_back(line);
  arguments.push_back(folder.string());
  return run_slipway(arguments);
}

std::string shown(const Outcome& outcome) {
  return "status " + std::to_string(outcome.status) + "\n---- standard output\n" + outcome.out +
         "---- standard error\n" + outcome.err;
}

}  // namespace

TEST_CASE("a call prints what lies beside its Dockerfile, and makes no store") {
  const fs::path root = fs::temp_directory_path() / ("slipway-calls-" + std::to_string(::getpid()));
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator("calls")) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  REQUIRE(folders.size() > 10);
  for (const fs::path& folder : folders) {
    INFO(folder.string());
    CHECK(shown(call(folder, root.string())) == read_file(folder / "expected"));
    // Those that begin with "build" are builds, for comparison.
    if (!folder.filename().string().starts_with("build")) CHECK_FALSE(fs::exists(root));
    fs::remove_all(root);
  }
}
