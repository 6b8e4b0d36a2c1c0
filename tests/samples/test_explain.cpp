// Asking the cache: --explain, --dry-run, slipway cache why, show and diff, and what expires.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <string>

using namespace slipway;

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

bool has(const std::string& text, const std::string& piece) {
  return text.find(piece) != std::string::npos;
}

void write_project(const Workshop& workshop) {
  workshop.write("Dockerfile",
                 "FROM busybox AS build\n"
                 "ARG VERSION=1\n"
                 "COPY src/ /src/\n"
                 "RUN cat /src/* > /all\n"
                 "FROM scratch\n"
                 "COPY --from=build /all /\n");
  workshop.write("src/one", "one\n");
  workshop.write("src/two", "two\n");
}

Finished build(const Workshop& workshop, std::vector<std::string> flags = {}) {
  flags.insert(flags.begin(), "build");
  flags.push_back(workshop.context().string());
  return workshop.slipway(flags);
}

const Json& step_of(const Json& report, const std::string& text) {
  for (const Json& step : report["steps"])
    if (has(step["name"].get<std::string>(), text)) return step;
  FAIL("there is no step " << text);
  return report;
}

}  // namespace

TEST_CASE("--explain tells all that differs, and --explain=json the same with nothing else") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  write_project(workshop);
  REQUIRE(build(workshop).status == 0);
  workshop.write("src/two", "TWO\n");
  const Finished told = build(workshop, {"--explain", "--build-arg", "VERSION=2"});
  INFO(told.err);
  REQUIRE(told.status == 0);
  CHECK(told.out.empty());
  CHECK(has(told.err, "\n[build 2/3] COPY src/ /src/\n  decision    miss: src/two: content\n"));
  CHECK(has(told.err, "    src/two  content\n"));
  CHECK(has(told.err, "    environment[VERSION]\n      was  \"1\"\n      is   \"2\"\n"));

  workshop.write("src/two", "Two\n");
  const Finished data = build(workshop, {"--explain=json", "--build-arg", "VERSION=2"});
  REQUIRE(data.status == 0);
  const Json report = Json::parse(data.out);
  const Json& copy = step_of(report, "COPY src/");
  CHECK(copy["outcome"] == "miss");
  CHECK(copy["changes"]["first"][0]["path"] == "src/two");
  CHECK(copy["parts"][0]["label"] == "files");
  CHECK(copy["baseline"]["name"] == "[build 2/3] COPY src/ /src/");
  CHECK(step_of(report, "RUN cat")["reason"] == "input [build 2/3] changed");

  const Finished both = build(workshop, {"--explain=json", "-q"});
  CHECK(both.status == 1);
  CHECK(has(both.err, "--explain=json has standard output for itself"));
}

TEST_CASE("a step that gives the same files again is counted, with what hits behind it") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  write_project(workshop);
  REQUIRE(build(workshop).status == 0);
  const Finished again = build(workshop, {"--no-cache-filter", "build"});
  INFO(again.err);
  CHECK(has(again.err,
            "cache: 1 hit, 2 misses, 0.0 s saved; 2 steps gave the same files, 1 behind them hit\n"));
  CHECK(has(again.err, "excluded by --no-cache-filter build; same files as before\n"));
}

TEST_CASE("slipway cache answers for the last build: why, show, diff") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  CHECK(has(workshop.slipway({"cache", "why", "x"}).err, "has seen no build yet"));
  write_project(workshop);
  const Json first = Json::parse(build(workshop, {"--explain=json"}).out);
  workshop.write("src/two", "TWO\n");
  const Json second = Json::parse(build(workshop, {"--explain=json"}).out);

  const Finished why = workshop.slipway({"cache", "why", "build 2/3"});
  INFO(why.out, why.err);
  CHECK(why.status == 0);
  CHECK(has(why.out, "[build 2/3] COPY src/ /src/\n  decision    miss: src/two: content\n"));
  CHECK(workshop.slipway({"cache", "why", "2/3"}).out == why.out);
  CHECK(workshop.slipway({"cache", "why", "COPY src"}).out == why.out);
  const std::string was = step_of(first, "COPY src")["key"];
  const std::string is = step_of(second, "COPY src")["key"];
  CHECK(workshop.slipway({"cache", "why", is.substr(7, 12)}).out == why.out);
  CHECK(has(workshop.slipway({"cache", "why", was}).out, "miss: never built here"));
  const Finished nothing = workshop.slipway({"cache", "why", "RUN nothing"});
  CHECK(nothing.status == 1);
  CHECK(has(nothing.err, "[build 3/3] RUN cat"));

  const Finished show = workshop.slipway({"cache", "show", is.substr(7, 8)});
  CHECK(has(show.out, "key        " + is + "\n"));
  CHECK(has(show.out, "\"/src/\"\n"));
  const Json shown = Json::parse(workshop.slipway({"cache", "show", is, "--format=json"}).out);
  CHECK(shown["Parts"][0]["Value"] == "copy");

  const Finished diff = workshop.slipway({"cache", "diff", was, is.substr(0, 15)});
  CHECK(has(diff.out, "    src/two  content\n"));
  CHECK(has(workshop.slipway({"cache", "diff", was, was}).out, "they are one key"));
  CHECK(has(workshop.slipway({"cache", "show", "ffff"}).err, "no record of the key"));
  CHECK(has(workshop.slipway({"cache", "show", "fff"}).err, "is not a cache key"));
}

TEST_CASE("a build that failed can be asked about as well") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nRUN true\nRUN echo no && false\n");
  CHECK(build(workshop).status != 0);
  const Finished why = workshop.slipway({"cache", "why", "RUN echo no"});
  CHECK(has(why.out, "decision    failed: never built here\n"));
  CHECK(has(workshop.slipway({"cache", "why", "RUN true"}).out, "decision    miss"));
}

TEST_CASE("--dry-run: 0 when all hit, 3 when something would run, and nothing is written") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  write_project(workshop);
  const Finished fresh = build(workshop, {"--dry-run"});
  INFO(fresh.out, fresh.err);
  CHECK(fresh.status == 3);
  CHECK(has(fresh.out, "miss     [build 2/3] COPY src/ /src/"));
  REQUIRE(build(workshop).status == 0);

  const Finished known = build(workshop, {"--dry-run"});
  CHECK(known.status == 0);
  CHECK(has(known.out, "plan: 3 hits, 0 misses, 0 unknown; nothing would run\n"));

  workshop.write("src/two", "TWO\n");
  const Finished edited = build(workshop, {"--dry-run=json"});
  CHECK(edited.status == 3);
  const Json plan = Json::parse(edited.out);
  CHECK(plan["misses"] == 1);
  CHECK(plan["unknown"] == 2);
  CHECK(step_of(plan, "COPY src")["reason"] == "src/two: content");
  CHECK(step_of(plan, "RUN cat")["outcome"] == "unknown");
  CHECK(step_of(plan, "RUN cat")["reason"] == "behind [build 2/3]");
  CHECK(step_of(plan, "RUN cat")["expected_seconds"].is_number());

  // What is not here makes unknown what stands on it; a store is not made by a look.
  workshop.write("Dockerfile", "FROM absent.invalid/image\nRUN true\n");
  const fs::path other = workshop.folder() / "other";
  const Finished nowhere =
      run({SLIPWAY_PROGRAM, "--root", other.string(), "build", "--dry-run",
           workshop.context().string()});
  INFO(nowhere.out, nowhere.err);
  CHECK(nowhere.status == 3);
  CHECK(has(nowhere.out, "the image is not in the store"));
  CHECK_FALSE(fs::exists(other));
}

TEST_CASE("a step with # cache: never always runs, a bad rule is a warning with its place") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\n# cache: never\nRUN true\n# cache: tll=7d\nRUN echo 2\n");
  REQUIRE(build(workshop).status == 0);
  const Finished again = build(workshop);
  CHECK(has(again.err, "excluded by # cache: never; same files as before"));
  CHECK(has(again.err, "Dockerfile:4:1: warning: the cache rule \"tll=7d\" is not understood"));
  CHECK(has(again.err, "cache: 1 hit, 1 miss"));
  const Finished bad = build(workshop, {"--cache-ttl", "soon"});
  CHECK(bad.status == 1);
  CHECK(has(bad.err, "--cache-ttl \"soon\" is not a time"));
}
