// ADD of archives: told by content, unpacked where COPY would put them down.
#include "copy_fixture.hpp"

#include <ir/error.hpp>

#include <unistd.h>

#include <cstdlib>
#include <fstream>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

// A tar of a tree of its own, or of `names` in it, by the machine's tar. False: that program is not
// there.
bool make_archive(CopyBench& bench, const std::string& name, const std::string& filter,
                  std::string_view tree, const std::string& names = "*") {
  const fs::path from = bench.folder() / ("archive-of-" + name);
  fs::create_directories(from);
  make_tree(from, tree);
  const fs::path to = bench.context_directory() / name;
  fs::create_directories(to.parent_path());
  const std::string command = "cd '" + from.native() + "' && tar --numeric-owner -c " + names +
                              " 2>/dev/null | " + filter + " > '" + to.native() + "' 2>/dev/null";
  return std::system(command.c_str()) == 0 && fs::file_size(to) > 0;
}

}  // namespace

TEST_CASE("every kind of archive is known by its content") {
  if (skipped()) return;
  for (const char* filter : {"cat", "gzip", "bzip2", "xz", "zstd -q"}) {
    INFO(filter);
    CopyBench bench;
    bench.context("x");
    if (!make_archive(bench, "innocent.txt", filter, "d/ 0711 3:4\nd/f 0600 5:6 =text")) {
      MESSAGE("skipped: no " << filter);
      continue;
    }
    CHECK(bench.run("ADD innocent.txt /t/") ==
          "t/ 0755 0:0\nt/d/ 0711 3:4\nt/d/f 0600 5:6 =text\n");
    CHECK(bench.run("COPY innocent.txt /").starts_with("innocent.txt 0644 0:0 ="));
  }
}

TEST_CASE("an archive's destination is a directory, and --chown reaches all, --chmod nothing") {
  if (skipped()) return;
  CopyBench bench;
  bench.context("x");
  REQUIRE(make_archive(bench, "t.tar", "cat", "foo 0644 5:6"));
  CHECK(bench.run("ADD t.tar /out") == "out/ 0755 0:0\nout/foo 0644 5:6 =foo\n");
  CHECK(bench.run("ADD --chown=100:200 t.tar /out/") ==
        "out/ 0755 100:200\nout/foo 0644 100:200 =foo\n");
  CHECK(bench.run("ADD --chmod=0700 t.tar /out/") == "out/ 0755 0:0\nout/foo 0644 5:6 =foo\n");
}

TEST_CASE("archives are found by patterns and behind links, but not inside directories") {
  if (skipped()) return;
  CopyBench bench;
  bench.context("link -> a.tar");
  REQUIRE(make_archive(bench, "a.tar", "cat", "foo"));
  REQUIRE(make_archive(bench, "b.tar", "cat", "bar"));
  REQUIRE(make_archive(bench, "d/c.tar", "cat", "baz"));
  CHECK(bench.run("ADD *.tar /t") == "t/ 0755 0:0\nt/bar 0644 0:0 =bar\nt/foo 0644 0:0 =foo\n");
  CHECK(bench.run("ADD link /t/") == "t/ 0755 0:0\nt/foo 0644 0:0 =foo\n");
  CHECK(bench.run("ADD d /t/").find("t/c.tar 0644") != std::string::npos);
}

TEST_CASE("what only looks like an archive is copied as it is") {
  if (skipped()) return;
  CopyBench bench;
  bench.context("fake.tar.gz =text\nempty.tar =");
  CHECK(bench.run("ADD fake.tar.gz /") == "fake.tar.gz 0644 0:0 =text\n");
  CHECK(bench.run("ADD empty.tar /") == "empty.tar 0644 0:0 =\n");
  // Two records of zeros: a tar with nothing in it (fact 27).
  std::ofstream(bench.context_directory() / "nothing.tar") << std::string(10240, '\0');
  bench.forget_context();
  CHECK(bench.run("ADD nothing.tar /").starts_with("nothing.tar 0644 0:0 ="));
}

TEST_CASE("an archive goes through the image's links and over what is copied beside it") {
  if (skipped()) return;
  CopyBench bench;
  bench.context("plain");
  bench.below("run/\nvar/run -> /run");
  REQUIRE(make_archive(bench, "t.tar", "cat", "var/run/act/HEAD =ref", "var/run/act/HEAD"));
  CHECK(bench.run("ADD plain t.tar /") ==
        "plain 0644 0:0 =plain\nrun/ 0755 0:0\nrun/act/ 0755 0:0\nrun/act/HEAD 0644 0:0 =ref\n");
}

TEST_CASE("an archive's content is in the key, its time and name are not") {
  CopyBench bench;
  bench.context("x");
  REQUIRE(make_archive(bench, "a.tar", "cat", "foo"));
  fs::copy_file(bench.context_directory() / "a.tar", bench.context_directory() / "b.tar");
  REQUIRE(make_archive(bench, "c.tar", "cat", "bar"));
  const auto parts = [&](const char* instruction) {
    return bench.plan(parse_copy(instruction)).key_parts();
  };
  CHECK(parts("ADD a.tar /t/") == parts("ADD b.tar /t/"));
  CHECK(parts("ADD a.tar /t/") != parts("ADD c.tar /t/"));
  CHECK(parts("ADD a.tar /t/") != parts("ADD a.tar /u/"));
  CHECK(parts("ADD a.tar /t/") != parts("ADD --chown=1 a.tar /t/"));
}

TEST_CASE("an archive that changes after it was planned, or is damaged, is named") {
  if (skipped()) return;
  CopyBench bench;
  bench.context("x");
  REQUIRE(make_archive(bench, "a.tar", "cat", "foo =1234"));
  const auto message_of = [](const auto& action) -> std::string {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const CopyPlan plan = bench.plan(parse_copy("ADD a.tar /t/"));
  REQUIRE(make_archive(bench, "other.tar", "cat", "foo =5678"));
  fs::rename(bench.context_directory() / "other.tar", bench.context_directory() / "a.tar");
  CHECK(message_of([&] { bench.write(plan); }).find("\"a.tar\" of the build context changed") !=
        std::string::npos);

  bench.forget_context();
  fs::resize_file(bench.context_directory() / "a.tar", 700);
  bench.forget_context();
  CHECK(message_of([&] { bench.write(bench.plan(parse_copy("ADD a.tar /t/"))); })
            .find("cannot unpack \"a.tar\"") != std::string::npos);
}
