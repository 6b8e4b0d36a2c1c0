// slipway cache, as far as it needs no build: its subcommands, and a store that has nothing.
#include "../cache/temporary_folder.hpp"
#include "program.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("slipway cache lists its subcommands, and each has a help of its own") {
  const Outcome help = run_slipway({"cache", "--help"});
  CHECK(help.status == 0);
  for (const char* name : {"why", "show", "diff"}) CHECK(has(help.out, name));
  const Outcome why = run_slipway({"cache", "why", "--help"});
  CHECK(why.status == 0);
  CHECK(has(why.out, "STEP|KEY"));
}

TEST_CASE("a subcommand that is missing or misspelt is told") {
  const Outcome missing = run_slipway({"cache"});
  CHECK(missing.status == 1);
  CHECK(has(missing.err, "slipway cache needs a subcommand"));
  const Outcome misspelt = run_slipway({"cache", "shwo"});
  CHECK(misspelt.status == 1);
  CHECK(has(misspelt.err, "did you mean \"show\"?"));
  const Outcome nothing = run_slipway({"cache", "why"});
  CHECK(nothing.status == 1);
  CHECK(nothing.err == "error: step is required\nhint: slipway cache why --help\n");
  CHECK(has(run_slipway({"cache", "diff", "4f8a"}).err, "error: other is required"));
  CHECK(has(run_slipway({"cache", "why", "a", "b"}).err,
            "slipway cache why has no use for the argument \"b\""));
  const Outcome flag = run_slipway({"cache", "why", "--fromat=json", "x"});
  CHECK(flag.status == 125);
  CHECK(has(flag.err, "--format"));
}

TEST_CASE("a store without builds and records says so") {
  TemporaryFolder folder;
  const std::string root = folder / "state";
  CHECK(has(run_slipway({"--root", root, "cache", "why", "RUN make"}).err,
            "this store has seen no build yet"));
  const Outcome show = run_slipway({"cache", "show", "4f8a", "--root", root});
  CHECK(show.status == 1);
  CHECK(has(show.err, "has no record of the key \"4f8a\""));
  CHECK(has(run_slipway({"--root", root, "cache", "show", "xyz"}).err, "is not a cache key"));
}

TEST_CASE("a plan makes no store, and says what would have to be there") {
  TemporaryFolder folder;
  folder.write("Dockerfile", "FROM scratch\nCOPY a /\nRUN make\n");
  folder.write("a", "1");
  const std::string root = folder / "state";
  const Outcome plan =
      run_slipway({"--root", root, "build", "--dry-run", std::string(folder.path())});
  INFO(plan.out, plan.err);
  CHECK(plan.status == 3);
  CHECK(has(plan.out, "plan: 0 hits, 1 miss, 1 unknown;"));
  CHECK(has(plan.out, "never built here"));
  CHECK(has(plan.out, "behind [1/2]"));
  CHECK_FALSE(std::filesystem::exists(root));
  CHECK(
      has(run_slipway({"build", "--dry-run", "-"}).err, "--dry-run needs a context that is here"));
  CHECK(has(run_slipway({"build", "--dry-run=soon", "."}).err, "is not known"));
}

TEST_CASE("a cache that is named wrongly is told how to be named") {
  const auto told = [](const std::string& flag, const std::string& spec) {
    return run_slipway({"build", flag, spec, "."}).err;
  };
  CHECK(has(told("--cache-from", "./cache"), "hint: --cache-from type=local,src=./cache\n"));
  CHECK(has(told("--cache-to", "/ci/cache"), "hint: --cache-to type=local,dest=/ci/cache\n"));
  CHECK(has(told("--cache-mount-to", "~/mounts"), "hint: --cache-mount-to type=local,dest=~"));
  CHECK(has(told("--cache-from", "src=a"), "type=local, type=registry, type=http or type=s3"));
  CHECK(has(told("--cache-mount-from", "host/mounts,i=npm"),
            "error: --cache-mount-from \"host/mounts=,i=npm\" has no type"));
}

TEST_CASE("of a flag with one value that is given twice the last one counts") {
  TemporaryFolder folder;
  const Outcome twice =
      run_slipway({"--root", folder / "state", "config", "ls", "--format=yaml", "--format=json"});
  CHECK(twice.status == 0);
  CHECK(has(twice.out, "\"cache.keep\""));
}

TEST_CASE("slipway config says which actions there are") {
  TemporaryFolder folder;
  const Outcome outcome = run_slipway({"--root", folder / "state", "config", "unst", "cache.keep"});
  CHECK(outcome.status == 1);
  CHECK(outcome.err ==
        "error: slipway config has no action \"unst\"\nhint: did you mean \"unset\"?\n");
}

TEST_CASE("a context that has to be fetched is, where --dry-run is said to be false") {
  TemporaryFolder folder;
  folder.write("Dockerfile", "FROM scratch\nCOPY --from=x / /\n");
  const Outcome build =
      run_slipway({"--root", folder / "state", "build", "--dry-run=false", "--build-context",
                   "x=http://127.0.0.1:1/x.tar", std::string(folder.path())});
  CHECK(build.status == 1);
  CHECK(has(build.err, "cannot fetch"));
}

TEST_CASE("a build whose result cannot be written leaves no more in the cache than may be there") {
  TemporaryFolder folder;
  folder.write("Dockerfile", "FROM scratch\nCOPY big /\n");
  folder.write("big", std::string(2'000'000, 'x'));
  const std::string root = folder / "state";
  CHECK(run_slipway({"--root", root, "config", "set", "cache.keep", "1MB"}).status == 0);
  const Outcome build = run_slipway(
      {"--root", root, "build", "-o", "type=tar,dest=/dev/full", std::string(folder.path())});
  CHECK(build.status == 1);
  CHECK(has(build.err, "No space left on device"));
  CHECK(has(build.err, "to keep 1MB"));
  CHECK(std::filesystem::is_empty(std::filesystem::path(root) / "layers"));
}
