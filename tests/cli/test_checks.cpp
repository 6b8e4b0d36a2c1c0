// slipway checks.
#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <sstream>
#include <string>

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("slipway checks lists docker's checks and slipway's own, with who makes them") {
  const Outcome outcome = run_slipway({"checks"});
  CHECK(outcome.status == 0);
  CHECK(outcome.out.starts_with("CHECK "));
  CHECK(has(outcome.out, "\nStageNameCasing                   every build    Stage names"));
  CHECK(has(outcome.out, "\nInvalidDefinitionDescription      experimental   "));
  CHECK(has(outcome.out, "\nSudoInRun                         --check        "));
  CHECK(has(outcome.out, "\nPipelineWithoutPipefail           --check=all    "));
}

TEST_CASE("the list as JSON has an object a line") {
  const Outcome outcome = run_slipway({"checks", "--format", "json"});
  std::istringstream lines(outcome.out);
  int own = 0;
  int standard = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto object = nlohmann::json::parse(line);
    CHECK(object["Description"].get<std::string>().size() > 10);
    own += object["Level"] == "own" ? 1 : 0;
    standard += object["Level"] == "standard" ? 1 : 0;
    if (object["Name"] == "StageNameCasing")
      CHECK(object["URL"] == "https://docs.docker.com/go/dockerfile/rule/stage-name-casing/");
  }
  CHECK(own >= 10);
  CHECK(standard >= 20);
}

TEST_CASE("with a name, slipway checks shows its page") {
  const Outcome own = run_slipway({"checks", "sudoinrun"});
  CHECK(own.status == 0);
  CHECK(own.out.starts_with("# SudoInRun\n\n"));
  CHECK(has(own.out, "\n## Good\n"));
  const Outcome json = run_slipway({"checks", "SudoInRun", "--format=json"});
  CHECK(nlohmann::json::parse(json.out)["Page"] == own.out);
  const Outcome docker = run_slipway({"checks", "UndefinedVar"});
  CHECK(has(docker.out, "\nhttps://docs.docker.com/go/dockerfile/rule/undefined-var/\n"));
  const Outcome wrong = run_slipway({"checks", "SudoInRuns"});
  CHECK(wrong.status == 1);
  CHECK(has(wrong.err, "did you mean \"SudoInRun\"?"));
}
