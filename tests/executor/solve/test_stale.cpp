// Nothing stale: after any edit a build with the cache gives the files of one without.
//
// STALE_EDITS says how many edits (2,000 where nothing says it), STALE_SEED repeats a series: it is
// the seed of its first project, and a failure tells the project's.
#include "random_project.hpp"
#include "seeing_runner.hpp"
#include "test_build.hpp"

#include <cstdlib>
#include <iostream>
#include <map>
#include <random>

using namespace slipway;

namespace {

constexpr unsigned edits_of_a_project = 50;

unsigned number_from(const char* name, unsigned otherwise) {
  const char* const chosen = std::getenv(name);
  return chosen != nullptr ? static_cast<unsigned>(std::strtoul(chosen, nullptr, 10)) : otherwise;
}

// The files that a build gave, as they lie in its layers' directories, or why it failed. Which
// layer has a file may differ: one that a RUN wrote again, with the same bytes, is in its layer or
// not.
struct Outcome {
  std::string files;
  std::string error;
};

TestBuildOptions options_of(const RandomProject& project) {
  TestBuildOptions options;
  options.target = project.target;
  options.build_args = project.build_args;
  return options;
}

Outcome build_it(TestBuild& build, const RandomProject& project, bool no_cache) {
  TestBuildOptions options = options_of(project);
  options.no_cache = no_cache;
  Outcome outcome;
  try {
    build.solve(project.dockerfile(), options);
  } catch (const Error& error) {
    outcome.error = error.what();
    return outcome;
  }
  std::vector<std::filesystem::path> layers;
  for (const LayerRef& layer : build.result.layers) {
    layers.push_back(build.store().layers().directory(layer.diff_id));
  }
  outcome.files = listing_of(visible_files(layers));
  return outcome;
}

// What a plan knows of the build that follows; empty where it says that there is a mistake.
std::vector<PlannedStep> plan_it(TestBuild& build, const RandomProject& project) {
  try {
    return build.plan(project.dockerfile(), options_of(project));
  } catch (const Error&) {
    return {};
  }
}

// A plan may know less than the build, and nothing else. Where a miss is foretold the step may
// still be a hit: an equal one of another stage has just run. What a step without a past of its own
// is compared with is not foretold: a build leaves out what its other steps have found by then.
void check_plan(const std::vector<PlannedStep>& steps, const TestBuild& build) {
  std::map<VertexId, const VertexReport*> reports;
  for (const VertexReport& report : build.result.reports) reports[report.vertex] = &report;
  for (const PlannedStep& step : steps) {
    const auto found = reports.find(step.vertex);
    REQUIRE(found != reports.end());
    const VertexReport& report = *found->second;
    INFO(build.text_of(step.vertex));
    INFO(step.reason);
    INFO(report.reason);
    if (step.outcome == PlannedStep::Outcome::hit)
      REQUIRE(report.outcome == VertexReport::Outcome::hit);
    if (step.outcome != PlannedStep::Outcome::miss) continue;
    REQUIRE(report.outcome != VertexReport::Outcome::local);
    if (report.outcome != VertexReport::Outcome::ran) continue;
    const auto elsewhere = [](const std::string& reason) {
      return reason.find("compared with") != std::string::npos || reason == "never built here";
    };
    if (!elsewhere(step.reason) && !elsewhere(report.reason))
      REQUIRE(step.reason == report.reason);
  }
}

struct Counts {
  unsigned edits = 0;
  unsigned failed = 0;  // without the cache, too
  std::size_t hits = 0;
  std::size_t steps = 0;
};

void check_project(std::uint32_t seed, Counts& counts) {
  CAPTURE(seed);
  TestBuild cached;
  TestBuild fresh;
  SeeingRunner runner;
  cached.runner_in_use = fresh.runner_in_use = &runner;
  fresh.context() = cached.context();

  ProjectMaker maker(seed);
  RandomProject project = maker.make();
  write_files({}, project, cached.context().path());
  std::vector<RandomProject> earlier;
  std::string story;
  for (unsigned i = 0; i < edits_of_a_project; ++i, ++counts.edits) {
    const std::vector<PlannedStep> planned = plan_it(cached, project);
    const Outcome one = build_it(cached, project, false);
    for (const VertexReport& report : cached.result.reports) {
      if (!one.error.empty() || report.outcome == VertexReport::Outcome::local) continue;
      ++counts.steps;
      if (report.outcome == VertexReport::Outcome::hit) ++counts.hits;
    }
    const Outcome other = build_it(fresh, project, true);
    INFO(story);
    INFO(project.dockerfile());
    // Of several mistakes the one that is met first is told, in either of two stages.
    CAPTURE(one.error);
    CAPTURE(other.error);
    REQUIRE(one.error.empty() == other.error.empty());
    REQUIRE(one.files == other.files);
    if (one.error.empty()) check_plan(planned, cached);

    RandomProject next = project;
    if (!one.error.empty()) {
      ++counts.failed;
      next = earlier.empty() ? maker.make() : earlier.back();
      story += "(fails, and is undone)\n";
    } else {
      earlier.push_back(project);
    }
    if (i % 11 == 10 && !earlier.empty()) {
      next = earlier[earlier.size() / 2];
      story += "an earlier state\n";
    } else {
      story += maker.edit(next) + "\n";
    }
    write_files(project, next, cached.context().path());
    project = next;
  }
}

}  // namespace

TEST_CASE("after any of two thousand edits the cache gives what a build without it gives") {
  const unsigned edits = number_from("STALE_EDITS", 2000);
  const unsigned first = number_from("STALE_SEED", std::random_device{}());
  std::cout << "STALE_SEED=" << first << std::endl;
  Counts counts;
  for (std::uint32_t seed = first; counts.edits < edits; ++seed) check_project(seed, counts);
  std::cout << counts.edits << " edits, " << counts.failed << " do not build; of " << counts.steps
            << " steps " << counts.hits << " hits" << std::endl;
  CHECK(counts.failed < counts.edits / 2);
  CHECK(counts.hits > counts.steps / 4);
}
