// slipway fmt: what it prints, writes and ends with.
#include "../cache/temporary_folder.hpp"
#include "program.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>

namespace {

namespace fs = std::filesystem;

constexpr const char* untidy = "from a\nRUN  b   c\n\n\nCOPY  d  /\n";
constexpr const char* tidy = "FROM a\nRUN b   c\n\nCOPY d /\n";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

}  // namespace

TEST_CASE("without an option the formatted text is printed, and the file stays") {
  TemporaryFolder folder;
  folder.write("Dockerfile", untidy);
  const Outcome outcome = run_slipway({"fmt", folder / "Dockerfile"});
  CHECK(outcome.status == 0);
  CHECK(outcome.out == tidy);
  CHECK(outcome.err.empty());
  CHECK(folder.read("Dockerfile") == untidy);
}

TEST_CASE("-w writes the file: mode and links stay, and nothing is left beside it") {
  TemporaryFolder folder;
  folder.write("real", untidy);
  REQUIRE(::chmod((folder / "real").c_str(), 0751) == 0);
  fs::create_symlink("real", folder / "Dockerfile");
  const Outcome outcome = run_slipway({"fmt", "-w", folder / "Dockerfile"});
  CHECK(outcome.status == 0);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.empty());
  CHECK(folder.read("real") == tidy);
  CHECK(mode_of(folder / "real") == 0751);
  CHECK(fs::is_symlink(folder / "Dockerfile"));
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 2);

  // What is formatted is not written again.
  const auto before = fs::last_write_time(folder / "real");
  CHECK(run_slipway({"fmt", "-w", folder / "Dockerfile"}).status == 0);
  CHECK(fs::last_write_time(folder / "real") == before);
}

TEST_CASE("--check names what is not formatted, and the exit status tells") {
  TemporaryFolder folder;
  folder.write("one", untidy);
  folder.write("two", tidy);
  folder.write("three", untidy);
  const std::string one = folder / "one";
  const std::string two = folder / "two";
  const std::string three = folder / "three";
  const Outcome outcome = run_slipway({"fmt", "--check", one, two, three});
  CHECK(outcome.status == 1);
  CHECK(outcome.out == one + "\n" + three + "\n");
  CHECK(folder.read("one") == untidy);
  const Outcome good = run_slipway({"fmt", "--check", two});
  CHECK(good.status == 0);
  CHECK(good.out.empty());
}

TEST_CASE("--diff shows what would change, and the exit status tells, as diff's does") {
  TemporaryFolder folder;
  folder.write("Dockerfile", untidy);
  folder.write("two", tidy);
  const Outcome outcome = run_slipway({"fmt", "--diff", folder / "Dockerfile", folder / "two"});
  CHECK(outcome.status == 1);
  const std::string name = folder / "Dockerfile";
  CHECK(outcome.out == "--- " + name + "\n+++ " + name +
                           "\n@@ -1,5 +1,4 @@\n-from a\n+FROM a\n-RUN  b   c\n+RUN b   c\n \n-\n"
                           "-COPY  d  /\n+COPY d /\n");
  CHECK(run_slipway({"fmt", "--diff", folder / "two"}).status == 0);
}

TEST_CASE("a file with mistakes is reported and left alone, and the others are formatted") {
  TemporaryFolder folder;
  folder.write("bad", "from a\nCOYP  b /\n");
  folder.write("good", untidy);
  const Outcome outcome = run_slipway({"fmt", "-w", folder / "bad", folder / "good"});
  CHECK(outcome.status == 1);
  CHECK(has(outcome.err, "did you mean \"COPY\"?"));
  CHECK(has(outcome.err, (folder / "bad").string() + ":2:1: error: "));
  CHECK(folder.read("bad") == "from a\nCOYP  b /\n");
  CHECK(folder.read("good") == tidy);
}

TEST_CASE("standard input is read where - is given, and Dockerfile where nothing is") {
  TemporaryFolder folder;
  folder.write("Dockerfile", untidy);
  const std::string inside = "cd " + folder.path().string() + " && " + SLIPWAY_PROGRAM;
  CHECK(std::system((inside + " fmt - < Dockerfile > from-stdin").c_str()) == 0);
  CHECK(folder.read("from-stdin") == tidy);
  CHECK(std::system((inside + " fmt -w").c_str()) == 0);
  CHECK(folder.read("Dockerfile") == tidy);
  fs::rename(folder / "Dockerfile", folder / "dockerfile");
  CHECK(std::system((inside + " fmt --check").c_str()) == 0);
}

TEST_CASE("what fmt cannot do is said, and no store is made by any of it") {
  TemporaryFolder folder;
  folder.write("Dockerfile", tidy);
  const std::string root = folder / "store";
  const Outcome both = run_slipway({"fmt", "--check", "--diff", folder / "Dockerfile"});
  CHECK(both.status == 125);
  CHECK(run_slipway({"--root", root, "fmt", "-w", "-"}).status == 1);
  const Outcome missing = run_slipway({"--root", root, "fmt", folder / "none"});
  CHECK(missing.status == 1);
  CHECK(has(missing.err, "there is no "));
  CHECK(run_slipway({"--root", root, "fmt", folder.path()}).status == 1);
  CHECK(run_slipway({"--root", root, "fmt", folder / "Dockerfile"}).status == 0);
  CHECK_FALSE(fs::exists(root));
}
