// --dry-run: what would be done, without doing any of it.
#include "test_build.hpp"

#include <cache/database.hpp>
#include <executor/solve/plan.hpp>

using namespace slipway;

namespace {

void teach(FakeRunner& runner, const std::vector<std::string>& commands) {
  for (const std::string& command : commands) {
    runner.on(command, [command](FakeStep& step) {
      step.write("/made-by-" + command.substr(0, command.find(' ')), command);
      return 0;
    });
  }
}

using Outcome = PlannedStep::Outcome;

// One line a step that is not local: "miss COPY a /: a: content".
std::vector<std::string> lines_of(TestBuild& build, const std::string& dockerfile,
                                  const TestBuildOptions& options = {}) {
  std::vector<std::string> lines;
  for (const PlannedStep& step : build.plan(dockerfile, options)) {
    if (step.outcome == Outcome::local) continue;
    const char* outcome = step.outcome == Outcome::hit    ? "hit "
                          : step.outcome == Outcome::miss ? "miss "
                                                          : "unknown ";
    lines.push_back(outcome + build.text_of(step.vertex) +
                    (step.reason.empty() ? "" : ": " + step.reason));
  }
  return lines;
}

using Lines = std::vector<std::string>;

// What a look must leave as it is.
std::string state_of(TestBuild& build) {
  Database database(build.store().state().root() / "slipway.db");
  std::string state;
  for (const char* sql : {"SELECT hex(key) || last_used || uses FROM records ORDER BY key",
                          "SELECT place || hex(key) FROM places ORDER BY place",
                          "SELECT hex(diff_id) FROM layers ORDER BY diff_id"}) {
    Query query(database, sql);
    while (query.step()) state += query.text(0) + "\n";
  }
  return state;
}

}  // namespace

TEST_CASE("a plan says what the build then does") {
  TestBuild build;
  teach(build.runner, {"make", "test"});
  build.context().write("a", "1");
  build.context().write("b", "1");
  const std::string dockerfile = "FROM scratch\nCOPY b /\nCOPY a /\nRUN make\nRUN test\n";
  CHECK(lines_of(build, dockerfile) ==
        Lines{"miss COPY b /: never built here", "unknown COPY a /: behind [1/4]",
              "unknown RUN make: behind [2/4]", "unknown RUN test: behind [3/4]"});
  build.solve(dockerfile);
  CHECK(lines_of(build, dockerfile) ==
        Lines{"hit COPY b /", "hit COPY a /", "hit RUN make", "hit RUN test"});

  build.context().write("a", "2");
  CHECK(lines_of(build, dockerfile) == Lines{"hit COPY b /", "miss COPY a /: a: content",
                                             "unknown RUN make: behind [2/4]",
                                             "unknown RUN test: behind [3/4]"});
  CHECK(build.solve(dockerfile) == Steps{"COPY a /", "RUN make", "RUN test"});
}

TEST_CASE("a plan tells how long the steps took before, and what has no history") {
  TestBuild build;
  teach(build.runner, {"make", "test", "more"});
  build.solve("FROM scratch\nRUN make\nRUN test\n");
  {
    Database database(build.store().state().root() / "slipway.db");
    Query(database, "UPDATE records SET duration = 2000000000").run();
  }
  const std::vector<PlannedStep> steps =
      build.plan("FROM scratch\nRUN make\nRUN test\nRUN more\n", {.no_cache = true});
  std::vector<std::optional<std::int64_t>> durations;
  for (const PlannedStep& step : steps)
    if (step.outcome != Outcome::local) durations.push_back(step.duration);
  CHECK(durations ==
        std::vector<std::optional<std::int64_t>>{2'000'000'000, 2'000'000'000, std::nullopt});
}

TEST_CASE("a plan knows rules and ages, mounts and stages, as a build does") {
  TestBuild build;
  teach(build.runner, {"make", "use"});
  build.context().write("src/a", "1");
  const std::string run = "RUN --mount=type=bind,source=src,target=/src make";
  const std::string dockerfile =
      "FROM scratch AS one\n" + run + "\nFROM scratch\nCOPY --from=one /made-by-make /\nRUN use\n";
  build.solve(dockerfile);
  CHECK(lines_of(build, dockerfile) ==
        Lines{"hit " + run, "hit COPY --from=one /made-by-make /", "hit RUN use"});
  CHECK(lines_of(build, dockerfile, {.no_cache_stages = {"one"}}) ==
        Lines{"miss " + run + ": excluded by --no-cache-filter one",
              "unknown COPY --from=one /made-by-make /: behind [one 1/1]",
              "unknown RUN use: behind [stage-1 1/2]"});
  build.context().write("src/a", "2");
  CHECK(lines_of(build, dockerfile)[0] == "miss " + run + ": src/a: content (mount /src)");
}

TEST_CASE("a plan writes nothing and touches nothing") {
  TestBuild build;
  teach(build.runner, {"make"});
  build.context().write("a", "1");
  const std::string dockerfile = "FROM scratch\nCOPY a /\nRUN make\n";
  build.solve(dockerfile);
  build.context().write("a", "2");
  const std::string before = state_of(build);
  lines_of(build, dockerfile);
  lines_of(build, dockerfile, {.no_cache = true});
  CHECK(state_of(build) == before);

  // Not even a record that is of no use any more.
  { Database(build.store().state().root() / "slipway.db"); }
  build.context().write("a", "1");
  {
    Database database(build.store().state().root() / "slipway.db");
    Query(database, "DELETE FROM layers").run();
  }
  const std::string without = state_of(build);
  CHECK(lines_of(build, dockerfile)[0] ==
        "miss COPY a /: its files are not in the store: lost, or left in a shared cache");
  CHECK(state_of(build) == without);
}

TEST_CASE("a mistake of the build is one of its plan") {
  TestBuild build;
  CHECK_THROWS_AS(build.plan("FROM scratch\nCOPY absent /\n"), Error);
}
