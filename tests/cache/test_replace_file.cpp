// Files of the user's that are written anew: through links, into pipes, and whole.
#include <cache/replace_file.hpp>
#include <ir/error.hpp>

#include "temporary_folder.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a file is written anew, and nothing is left beside it") {
  const TemporaryFolder folder;
  replace_file(folder / "file", "first");
  replace_file(folder / "file", "second");
  CHECK(content(folder / "file") == "second");
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("a link stays one, also where it leads to nothing yet") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "far");
  fs::create_symlink("far/middle", folder / "link");
  fs::create_symlink("file", folder.path() / "far/middle");
  for (const char* text : {"first", "second"}) {
    replace_file(folder / "link", text);
    CHECK(content(folder.path() / "far/file") == text);
  }
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(fs::is_symlink(folder.path() / "far/middle"));
  CHECK(files_in(folder.path()) == 2);

  fs::create_symlink("round", folder / "round");
  CHECK_THROWS_AS(replace_file(folder / "round", "text"), Error);
  CHECK_THROWS_AS(replace_file(folder.path() / "none/file", "text"), Error);
}

TEST_CASE("a pipe is written to as it is") {
  const TemporaryFolder folder;
  const fs::path pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::string read;
  std::thread reader([&] { read = content(pipe); });
  replace_file(pipe, "text");
  reader.join();
  CHECK(read == "text");
  CHECK(fs::is_fifo(pipe));
}
