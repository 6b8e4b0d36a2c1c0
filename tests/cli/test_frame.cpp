#include "../cache/temporary_folder.hpp"
#include "program.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the version and the help are results, on standard output") {
  CHECK(run_slipway({"--version"}).out.starts_with("slipway "));
  const Outcome help = run_slipway({"--help"});
  CHECK(help.status == 0);
  CHECK(help.err.empty());
  for (const char* command : {"images", "inspect", "history", "tag", "rmi"})
    CHECK(has(help.out, std::string("\n  ") + command + " "));
  const Outcome command = run_slipway({"images", "--help"});
  CHECK(command.status == 0);
  CHECK(has(command.out, "Examples:"));
  CHECK(run_slipway({"help", "images"}).out == command.out);
}

TEST_CASE("without a command the help comes as a complaint") {
  const Outcome outcome = run_slipway({});
  CHECK(outcome.status == 1);
  CHECK(outcome.out.empty());
  CHECK(has(outcome.err, "Usage:"));
}

TEST_CASE("what is misspelt is answered with what was meant, and docker's exit status") {
  const Outcome command = run_slipway({"imagse"});
  CHECK(command.status == 1);
  CHECK(has(command.err, "did you mean \"images\"?"));

  const Outcome flag = run_slipway({"images", "--digest"});
  CHECK(flag.status == 125);
  CHECK(has(flag.err, "did you mean \"--digests\"?"));

  CHECK(run_slipway({"--verbos", "images"}).status == 125);
  CHECK(run_slipway({"tag", "only-one"}).status == 1);
  const Outcome extra = run_slipway({"tag", "one", "two", "three"});
  CHECK(extra.status == 1);
  CHECK(has(extra.err, "\"three\""));
}

TEST_CASE("an error is one clean text without colours where there is no terminal") {
  TemporaryFolder folder;
  folder.write("version", "slipway 9\n");
  const Outcome outcome = run_slipway({"--root", folder.path(), "images"});
  CHECK(outcome.status == 1);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.starts_with("error: the store "));
  CHECK(has(outcome.err, "\nhint: "));
  CHECK_FALSE(has(outcome.err, "\x1b"));
  const Outcome hostile = run_slipway({"\x1b[31mred"});
  CHECK_FALSE(has(hostile.err, "\x1b"));
}

TEST_CASE("the store is where --root says, before or after the command, else the environment") {
  TemporaryFolder folder;
  CHECK(run_slipway({"--root", folder / "a", "images"}).status == 0);
  CHECK(run_slipway({"images", "--root=" + (folder / "b").string()}).status == 0);
  REQUIRE(::setenv("SLIPWAY_ROOT", (folder / "c").c_str(), 1) == 0);
  CHECK(run_slipway({"images"}).status == 0);
  REQUIRE(::unsetenv("SLIPWAY_ROOT") == 0);
  for (const char* name : {"a", "b", "c"})
    CHECK(std::filesystem::exists(folder / name / "version"));
}

TEST_CASE("output that cannot be written is a failure") {
  TemporaryFolder folder;
  const std::string command = std::string(SLIPWAY_PROGRAM) + " --help > /dev/full 2> " +
                              (folder / "err").string();
  CHECK(WEXITSTATUS(std::system(command.c_str())) == 1);
  CHECK(has(folder.read("err"), "standard output"));
}
