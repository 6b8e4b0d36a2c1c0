// The reasons that are no file's: variables, mounts, images, rules, ages.
#include "test_build.hpp"

#include <cache/database.hpp>
#include <executor/solve/image.hpp>

using namespace slipway;

namespace {

void teach(FakeRunner& runner, const std::vector<std::string>& commands) {
  for (const std::string& command : commands) {
    runner.on(command, [command](FakeStep& step) {
      step.write("/made", command);
      return 0;
    });
  }
}

const VertexReport& report_of(const TestBuild& build, const std::string& text) {
  for (const VertexReport& report : build.result.reports) {
    if (build.text_of(report.vertex) == text) return report;
  }
  throw std::logic_error("there is no step " + text);
}

// The second of two builds of one place: why its step `text` ran.
std::string reason_after(const std::string& before, const std::string& after,
                         const std::string& text) {
  TestBuild build;
  teach(build.runner, {"make", "other"});
  build.context().write("a", "1");
  build.solve(before);
  build.solve(after);
  return build.reason(text);
}

// Makes the result of a Dockerfile the image `name`.
void tag_result(TestBuild& build, const std::string& dockerfile, const std::string& name) {
  build.solve(dockerfile, {.place = "image"});
  const PlatformImage& image = build.lowered->images.front();
  const std::string config =
      write_image_config(finish_config(image.config, build.result.roots.front()));
  build.store().images().tag(parse_reference(name), build.store().images().put(config));
}

// As if all records had been made so many seconds earlier.
void age(TestBuild& build, std::int64_t seconds) {
  Database database(build.store().state().root() / "slipway.db");
  Query(database, "UPDATE records SET ran = ran - ?").bind(seconds).run();
}

}  // namespace

TEST_CASE("a variable is told with its values, but not where its name says that it is a secret") {
  CHECK(reason_after("FROM scratch\nENV CC=gcc\nRUN make\n", "FROM scratch\nENV CC=clang\nRUN make\n",
                     "RUN make") == "environment variable CC changed: gcc -> clang");
  CHECK(reason_after("FROM scratch\nENV API_TOKEN=one\nRUN make\n",
                     "FROM scratch\nENV API_TOKEN=two\nRUN make\n",
                     "RUN make") == "environment variable API_TOKEN changed");
  CHECK(reason_after("FROM scratch\nENV INDEX=https://me:one@host/\nRUN make\n",
                     "FROM scratch\nENV INDEX=https://me:two@host/\nRUN make\n",
                     "RUN make") == "environment variable INDEX changed");
  CHECK(reason_after("FROM scratch\nARG V=1\nRUN make\n", "FROM scratch\nARG V=2\nRUN make\n",
                     "RUN make") == "build argument V changed: 1 -> 2");
  CHECK(reason_after("FROM scratch\nRUN make\n", "FROM scratch\nARG V=2\nRUN make\n", "RUN make") ==
        "build argument V added");
}

TEST_CASE("a mount is told by its target and the field that changed") {
  const std::string with = "RUN --mount=type=cache,target=/c make";
  const std::string locked = "RUN --mount=type=cache,target=/c,sharing=locked make";
  CHECK(reason_after("FROM scratch\nRUN make\n", "FROM scratch\n" + with + "\n", with) ==
        "mount /c added");
  CHECK(reason_after("FROM scratch\n" + with + "\n", "FROM scratch\nRUN make\n", "RUN make") ==
        "mount /c removed");
  CHECK(reason_after("FROM scratch\n" + with + "\n", "FROM scratch\n" + locked + "\n", locked) ==
        "mount /c: sharing changed: shared -> locked");
}

TEST_CASE("a base image that changed is told by both IDs, another one by both names") {
  TestBuild build;
  teach(build.runner, {"base 1", "base 2", "base 3", "make"});
  const auto id = [&](const std::string& name) {
    return build.store().images().get(name).id.text().substr(0, 19);
  };
  tag_result(build, "FROM scratch\nRUN base 1\n", "debian:12");
  tag_result(build, "FROM scratch\nRUN base 2\n", "debian:13");
  build.solve("FROM debian:12\nRUN make\n");
  build.solve("FROM debian:13\nRUN make\n");
  CHECK(build.reason("RUN make") == "base image changed: debian:12 -> debian:13");

  const std::string before = id("debian:13");
  tag_result(build, "FROM scratch\nRUN base 3\n", "debian:13");
  build.solve("FROM debian:13\nRUN make\n");
  CHECK(build.reason("RUN make") ==
        "base image debian:13 changed: " + before + " -> " + id("debian:13"));
  CHECK(before != id("debian:13"));
}

TEST_CASE("in a new checkout a step is compared with the nearest record of its instruction") {
  TestBuild build;
  teach(build.runner, {"make", "a long command with -O2", "a long command with -O3"});
  build.context().write("a", "1");
  const std::string dockerfile = "FROM scratch\nARG V=1\nCOPY a /\nRUN make\n";
  build.solve(dockerfile, {.place = "here"});
  build.solve(dockerfile, {.build_args = {{"V", "2"}}, .place = "there"});
  CHECK(build.reason("RUN make") == "build argument V changed: 1 -> 2");
  const VertexReport& report = report_of(build, "RUN make");
  REQUIRE(report.baseline);
  CHECK(report.baseline_step == "[2/2] RUN make");
  CHECK(report.parts == std::vector<PartChange>{{"environment[V]", "1", "2"}});

  // An instruction that was edited there says what it is compared with; a new one is new.
  build.solve("FROM scratch\nCOPY a /\nRUN a long command with -O2\n", {.place = "here"});
  build.solve("FROM scratch\nCOPY a /\nRUN a long command with -O3\n", {.place = "elsewhere"});
  CHECK(build.reason("RUN a long command with -O3") == "command changed; compared with [2/2]");
}

TEST_CASE("steps of one first build are not compared with each other") {
  TestBuild build;
  teach(build.runner, {"a long command with -O2", "a long command with -O3"});
  build.solve("FROM scratch\nRUN a long command with -O2\nRUN a long command with -O3\n");
  CHECK(build.reason("RUN a long command with -O2") == "never built here");
  CHECK(build.reason("RUN a long command with -O3") == "never built here");
}

TEST_CASE("what was excluded says by which flag, what was evicted by which rule") {
  TestBuild build;
  teach(build.runner, {"make", "other"});
  const std::string dockerfile =
      "FROM scratch AS one\nRUN make\nFROM scratch AS two\nCOPY --from=one /made /\nRUN other\n";
  build.solve(dockerfile);
  build.solve(dockerfile, {.no_cache_stages = {"one"}});
  CHECK(build.reason("RUN make") == "excluded by --no-cache-filter one");
  CHECK(report_of(build, "RUN make").same_tree);
  CHECK(report_of(build, "RUN other").outcome == VertexReport::Outcome::hit);
  build.solve(dockerfile, {.no_cache = true});
  CHECK(build.reason("RUN other") == "excluded by --no-cache");

  const CacheKey key = *report_of(build, "RUN other").key;
  {
    Database database(build.store().state().root() / "slipway.db");
    Query(database, "DELETE FROM records WHERE key = ?").bind(key.digest).run();
  }
  build.store().records().evicted({key}, "prune (until=24h)");
  build.solve(dockerfile);
  const std::string reason = build.reason("RUN other");
  CHECK(reason.starts_with("evicted on 20"));
  CHECK(reason.ends_with(" by prune (until=24h)"));
  build.solve(dockerfile);
  CHECK(report_of(build, "RUN other").outcome == VertexReport::Outcome::hit);
}

TEST_CASE("a RUN expires by --cache-ttl, and the same files keep what stands on it") {
  TestBuild build;
  teach(build.runner, {"make", "other"});
  const std::string dockerfile = "FROM scratch\nRUN make\nRUN other\n";
  build.solve(dockerfile);
  const TestBuildOptions week{.cache_ttl = 7 * 86400};
  CHECK(build.solve(dockerfile, week).empty());
  age(build, 9 * 86400 + 60);
  CHECK(build.solve(dockerfile).empty());
  // The second one's own record is as old.
  CHECK(build.solve(dockerfile, week).size() == 2);
  CHECK(build.reason("RUN make") == "expired: ran 9 days ago, ttl 7d");
  CHECK(report_of(build, "RUN make").same_tree);
  CHECK(build.reason("RUN other") == "expired: ran 9 days ago, ttl 7d");
  CHECK(build.solve(dockerfile, week).empty());
}

TEST_CASE("a comment right above an instruction says how long its result counts") {
  TestBuild build;
  teach(build.runner, {"make", "other"});
  build.context().write("a", "1");
  const std::string dockerfile =
      "FROM scratch\n# why\n# cache: ttl=12h\n# more\nRUN make\n\n# cache: never\n\nRUN other\n"
      "# cache: never\nCOPY a /\n";
  build.solve(dockerfile);
  CHECK(build.solve(dockerfile) == Steps{"COPY a /"});
  CHECK(build.reason("COPY a /") == "excluded by # cache: never");
  age(build, 13 * 3600);
  CHECK(build.solve(dockerfile) == Steps{"RUN make", "COPY a /"});
  CHECK(build.reason("RUN make") == "expired: ran 13 hours ago, ttl 12h");
  // The strictest counts, whichever it is.
  age(build, 7 * 3600);
  CHECK(build.solve(dockerfile, {.cache_ttl = 6 * 3600}).size() == 3);
  CHECK(build.reason("RUN make") == "expired: ran 7 hours ago, ttl 6h");
}

TEST_CASE("a ttl is no part of a step's key") {
  TestBuild build;
  teach(build.runner, {"make"});
  build.solve("FROM scratch\nRUN make\n");
  const CacheKey plain = *report_of(build, "RUN make").key;
  build.solve("FROM scratch\n# cache: ttl=7d\nRUN make\n");
  CHECK(*report_of(build, "RUN make").key == plain);
  CHECK(report_of(build, "RUN make").outcome == VertexReport::Outcome::hit);
}
