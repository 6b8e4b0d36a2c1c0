// What a COPY's cache key depends on, and what it does not (DESIGN §2).
#include "copy_fixture.hpp"

#include <ir/key.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

KeyParts parts_of(std::string_view context, std::string_view instruction,
                  std::string_view below = "") {
  CopyBench bench;
  bench.context(context);
  if (!below.empty()) bench.below(below);
  return bench.plan(parse_copy(instruction)).key_parts();
}

}  // namespace

TEST_CASE("times do not reach the key") {
  CopyBench bench;
  bench.context("d/a\nd/n/b\nd/l -> a");
  const CopyFiles copy = parse_copy("COPY d /t");
  const KeyParts before = bench.plan(copy).key_parts();
  for (const auto& entry : fs::recursive_directory_iterator(bench.context_directory())) {
    const timespec times[2] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 0}};
    REQUIRE(::utimensat(AT_FDCWD, entry.path().c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
  }
  bench.forget_context();
  CHECK(bench.plan(copy).key_parts() == before);
}

TEST_CASE("whatever is stored reaches the key") {
  const std::string tree = "d/a 0644 =text\nd/n/ 0755\nd/l -> a";
  const KeyParts key = parts_of(tree, "COPY d /t");
  CHECK(parts_of(tree, "COPY d /t") == key);
  CHECK(parts_of("d/a 0644 =TEXT\nd/n/ 0755\nd/l -> a", "COPY d /t") != key);
  CHECK(parts_of("d/a 0755 =text\nd/n/ 0755\nd/l -> a", "COPY d /t") != key);
  CHECK(parts_of("d/a 0644 =text\nd/n/ 0700\nd/l -> a", "COPY d /t") != key);
  CHECK(parts_of("d/a 0644 =text\nd/n/ 0755\nd/l -> n", "COPY d /t") != key);
  CHECK(parts_of("d/b 0644 =text\nd/n/ 0755\nd/l -> a", "COPY d /t") != key);
  CHECK(parts_of(tree + "\nd/more", "COPY d /t") != key);
  CHECK(parts_of(tree, "COPY d /u") != key);
}

TEST_CASE("what is not selected does not reach the key") {
  const KeyParts key = parts_of("d/a\nother", "COPY d /t");
  CHECK(parts_of("d/a\nother 0600 =changed\nmore", "COPY d /t") == key);
  CHECK(parts_of("d/a\nd/x.log", "COPY --exclude=*.log d /t") ==
        parts_of("d/a", "COPY --exclude=*.log d /t"));
}

TEST_CASE("a selected directory's own mode is not stored and does not count") {
  CHECK(parts_of("d/ 0700\nd/a", "COPY d /t") == parts_of("d/ 0755\nd/a", "COPY d /t"));
}

TEST_CASE("--chmod makes the source's mode irrelevant, --chown its owner") {
  CHECK(parts_of("a 0600", "COPY --chmod=755 a /") == parts_of("a 0755", "COPY --chmod=755 a /"));
  CHECK(parts_of("a", "COPY --chmod=755 a /") != parts_of("a", "COPY --chmod=700 a /"));
  CHECK(parts_of("a", "COPY --chown=1 a /") != parts_of("a", "COPY --chown=2 a /"));
  if (::geteuid() != 0) {
    MESSAGE("the rest skipped: files get owners, which takes root");
    return;
  }
  const auto from_stage = [](std::string_view stage, std::string_view instruction) {
    CopyBench bench;
    bench.stage(stage);
    return bench.plan(parse_copy(instruction)).key_parts();
  };
  CHECK(from_stage("a 0644 1:2", "COPY --from=stage a /") !=
        from_stage("a 0644 3:4", "COPY --from=stage a /"));
  CHECK(from_stage("a 0644 1:2", "COPY --from=stage --chown=9 a /") ==
        from_stage("a 0644 3:4", "COPY --from=stage --chown=9 a /"));
}

TEST_CASE("a hard link is not two equal files") {
  CHECK(parts_of("d/a =x\nd/b == d/a", "COPY d /t") != parts_of("d/a =x\nd/b =x", "COPY d /t"));
}

TEST_CASE("the same files from a context and from a stage give the same key") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: files get owners, which takes root");
    return;
  }
  CopyBench bench;
  bench.context("d/a =text\nd/n/b 0600");
  bench.stage("d/a =text\nd/n/b 0600");
  const KeyParts context = bench.plan(parse_copy("COPY d /t")).key_parts();
  CHECK(bench.plan(parse_copy("COPY --from=stage d /t")).key_parts() == context);
}

TEST_CASE("equal builds give equal layers, whatever time it is") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: files get owners, which takes root");
    return;
  }
  const auto build = [] {
    CopyBench bench;
    bench.context("d/a\nd/n/b");
    bench.below("etc/x");
    return bench.write(bench.plan(parse_copy("COPY d <<here=text /made/for/this/"))).layer;
  };
  const LayerRef first = build();
  CHECK(build().diff_id == first.diff_id);
}
