// A build, and the same once more aside: what is not reproducible is found, and nothing of the
// second stays.
#include "../solve/test_build.hpp"

#include <executor/compare/builds.hpp>

#include <atomic>

using namespace slipway;

namespace {

// A project with a step that gives another file each time it runs, and one that stands on it.
struct Clock {
  TestBuild build;
  std::atomic<int> runs{0};
  const std::string dockerfile =
      "FROM scratch\nRUN steady\nRUN date > /stamp\nRUN cp /stamp /copy\n";

  Clock() {
    build.runner.on("steady", [](FakeStep& step) {
      step.write("/steady", "always");
      return 0;
    });
    build.runner.on("date > /stamp", [this](FakeStep& step) {
      step.write("/stamp", "at " + std::to_string(++runs) + "\n");
      return 0;
    });
    build.runner.on("cp /stamp /copy", [](FakeStep& step) {
      step.write("/copy", step.read("/stamp").value_or("nothing"));
      return 0;
    });
  }

  // The step that each difference is of, and what is said of it.
  std::vector<StepDifference> compare(const CompareTimes& times = {}) {
    build.solve(dockerfile, {.no_cache = true});
    const SolveResult first = build.result;
    build.solve(dockerfile, {.aside = true});
    return compare_builds(build.lowered->graph, first, build.result, build.store(), times);
  }
};

}  // namespace

TEST_CASE(
    "a step that gives another file the second time is named, and what stands on it says so") {
  Clock clock;
  const std::vector<StepDifference> differences = clock.compare();
  REQUIRE(differences.size() == 2);
  CHECK(clock.build.text_of(differences[0].step) == "RUN date > /stamp");
  CHECK(!differences[0].input_differs);
  REQUIRE(differences[0].files.size() == 1);
  CHECK(differences[0].files[0].path == "stamp");
  CHECK(differences[0].files[0].aspects == std::vector{Aspect::content});
  CHECK(differences[0].contents[0].value().was == "at 1");
  CHECK(differences[0].contents[0].value().is == "at 2");
  CHECK(clock.build.text_of(differences[1].step) == "RUN cp /stamp /copy");
  CHECK(differences[1].input_differs);
  const std::string text = difference_text(clock.build.lowered->graph, differences[0]);
  CHECK(text.find("RUN date > /stamp") != std::string::npos);
  CHECK(text.find("/stamp  content") != std::string::npos);
  CHECK(text.find("- at 1") != std::string::npos);
}

TEST_CASE("nothing of the second build is a record, and the first's count") {
  Clock clock;
  clock.compare();
  CHECK(clock.runs == 2);
  CHECK(clock.build.solve(clock.dockerfile).empty());
  CHECK(clock.build.file("stamp") == "at 1\n");
  CHECK(clock.build.file("copy") == "at 1\n");
}

TEST_CASE("a build that gives the same twice has no differences, whatever ran before it") {
  Clock clock;
  clock.build.runner.on("date > /stamp", [](FakeStep& step) {
    step.write("/stamp", "steady\n");
    return 0;
  });
  CHECK(clock.compare().empty());
  // The early cut-off of a third run does not hide it either.
  clock.build.runner.on("date > /stamp", [&clock](FakeStep& step) {
    step.write("/stamp", clock.runs++ % 2 == 0 ? "steady\n" : "other\n");
    return 0;
  });
  CHECK(clock.compare().size() == 2);
}

TEST_CASE("modes, and files that one build has alone, are told apart") {
  Clock clock;
  clock.build.runner.on("date > /stamp", [&clock](FakeStep& step) {
    const bool second = ++clock.runs > 1;
    step.write("/stamp", "same", second ? 0600 : 0644);
    step.write(second ? "/second" : "/first", "");
    return 0;
  });
  const std::vector<StepDifference> differences = clock.compare();
  REQUIRE(!differences.empty());
  const std::string text = difference_text(clock.build.lowered->graph, differences[0]);
  CHECK(text.find("/first  file, in the first build alone") != std::string::npos);
  CHECK(text.find("/second  file, in the second build alone") != std::string::npos);
  CHECK(text.find("/stamp  mode: 0644 -> 0600") != std::string::npos);
}

TEST_CASE("a name that a terminal would act on is harmless, and of many files the first are told") {
  Clock clock;
  clock.build.runner.on("date > /stamp", [&clock](FakeStep& step) {
    const std::string run = std::to_string(++clock.runs);
    step.write("/a\x1b[31mred", run);
    for (int i = 0; i < 100; ++i) step.write("/f" + std::to_string(i), run);
    return 0;
  });
  const std::vector<StepDifference> differences = clock.compare();
  REQUIRE(!differences.empty());
  CHECK(differences[0].count == 101);
  CHECK(differences[0].files.size() == most_differing_files);
  const std::string text = difference_text(clock.build.lowered->graph, differences[0]);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("and 51 more") != std::string::npos);
}
