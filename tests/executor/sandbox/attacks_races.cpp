// Steps that change paths while the builder looks at them for another step.
#include "attack_fixture.hpp"

#include <string>

using namespace slipway;
using Type = RunProcess::Mount::Type;
namespace fs = std::filesystem;

namespace {

constexpr int tries = 60;

// A step that exchanges /cache/path and /cache/other as fast as it can. `other` is a link out.
TestStep& as_swapper(TestStep& step, const fs::path& cache, const std::string& path) {
  step.with_busybox().with_probe().operation.arguments = {"/bin/probe", "swap", "/cache/" + path,
                                                          "/cache/other"};
  step.request.mounts = {cache_at("/cache", cache)};
  return step;
}

}  // namespace

// openat2(RESOLVE_IN_ROOT) opens the source once, and what was opened is what is mounted
// (open_tree, move_mount). With a check first and a path later, some of these would show the host.
TEST_CASE("CVE-2024-23651, CVE-2024-11218, buildkit v0.31.2: a cache's source becomes a link out") {
  const auto runner = real_runner();
  if (!runner) return;
  for (const bool absolute : {true, false}) {
    TestStep attacker("");
    const Outside outside(attacker.pad);
    const fs::path cache = attacker.pad.path() / "cache";
    write_file(cache / "sub/benign", "the cache's\n");
    fs::create_symlink(absolute ? outside.path().string() : outside.climbing(), cache / "other");
    const StepBeside beside(*runner, as_swapper(attacker, cache, "sub"));
    int shown = 0;
    int refused = 0;
    for (int i = 0; i < tries; ++i) {
      TestStep victim("cat /x/* ; touch /x/stolen");
      victim.with_busybox();
      ResolvedMount mount = cache_at("/x", cache);
      mount.mount.source = "/sub";
      victim.request.mounts = {mount};
      try {
        const Outcome outcome = victim.run(*runner);
        CHECK(outcome.out == "the cache's\n");
        ++shown;
      } catch (const Error&) {
        ++refused;  // the link, which leads to nothing within the cache
      }
    }
    CHECK(shown + refused == tries);
    // The attack has taken place: both were met.
    CHECK(shown > 0);
    CHECK(refused > 0);
    CHECK(outside.untouched());
  }
}

// The target lies in a cache that both have mounted: what is made for it is made beneath the cache,
// and what is unmade is the thing itself.
TEST_CASE("CVE-2024-23651, CVE-2024-23652: the way to a target in a cache becomes a link out") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep attacker("");
  const Outside outside(attacker.pad);
  const fs::path cache = attacker.pad.path() / "cache";
  fs::create_directories(cache / "sub");
  fs::create_symlink(outside.path().string(), cache / "other");
  const StepBeside beside(*runner, as_swapper(attacker, cache, "sub"));
  for (int i = 0; i < tries; ++i) {
    TestStep victim("true");
    victim.with_busybox();
    // Once a file that is there on the other side, once one that is nowhere, once a directory.
    const char* const targets[] = {"/x/sub/empty", "/x/sub/new", "/x/sub/directory"};
    victim.request.mounts = {cache_at("/x", cache)};
    if (i % 3 == 2) {
      victim.request.mounts.push_back(mount_at(Type::tmpfs, targets[2]));
    } else {
      victim.request.mounts.push_back(secret_at(targets[i % 3]));
    }
    refusal(*runner, victim);
    CHECK(outside.untouched());
  }
}

// A bind's source is in layers, which no step can change any more; in the overlay that shows them
// writes go elsewhere.
TEST_CASE(
    "CVE-2024-11218, CVE-2018-15664: the source of a bind is changed by who has it writable") {
  const auto runner = real_runner();
  if (!runner) return;
  TestStep attacker("");
  const Outside outside(attacker.pad);
  const fs::path stage = attacker.pad.path() / "stage";
  write_file(stage / "sub/benign", "the stage's\n");
  ResolvedMount writable = mount_at(Type::bind, "/stage");
  writable.lowers = {stage};
  attacker.with_busybox().operation.arguments = {"/bin/sh", "-c",
                                                 "cd /stage; while :; do rm -r sub; ln -s " +
                                                     outside.path().string() +
                                                     " sub; rm sub; mkdir sub; done"};
  attacker.request.mounts = {writable};
  const StepBeside beside(*runner, attacker);
  for (int i = 0; i < tries / 4; ++i) {
    TestStep victim("cat /x/*");
    victim.with_busybox();
    ResolvedMount mount = mount_at(Type::bind, "/x");
    mount.lowers = {stage};
    mount.mount.source = "/sub";
    mount.mount.read_only = true;
    victim.request.mounts = {mount};
    CHECK(victim.run(*runner).out == "the stage's\n");
  }
  CHECK(outside.untouched());
}
