// slipway doctor: a table for people, lines for programs.
#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <sstream>
#include <string>

using Json = nlohmann::json;

TEST_CASE("doctor says which platforms' programs run here, and what mends it") {
  const Outcome table = run_slipway({"doctor"});
  CHECK(table.out.starts_with("NAME "));
  CHECK(table.out.find("linux/amd64") != std::string::npos);

  const Outcome json = run_slipway({"doctor", "--format", "json"});
  CHECK(json.status == table.status);
  std::map<std::string, Json> rows;
  std::istringstream lines(json.out);
  for (std::string line; std::getline(lines, line);) {
    const Json row = Json::parse(line);
    rows[row["name"]] = row;
  }
  REQUIRE(rows.contains("linux/amd64"));
  CHECK(rows["linux/amd64"]["state"] == "works");
  CHECK(rows["linux/amd64"]["required"] == true);
  CHECK(rows["linux/amd64"]["command"] == "");
  for (const auto& [name, row] : rows) {
    CAPTURE(name);
    // Whatever does not work says what that means.
    CHECK_FALSE(row["meaning"].get<std::string>().empty());
    if (row["state"] != "works") CHECK_FALSE(row["command"].get<std::string>().empty());
    CHECK(table.out.find(name) != std::string::npos);
  }
}

TEST_CASE("doctor refuses a format that it does not know") {
  const Outcome outcome = run_slipway({"doctor", "--format", "yaml"});
  CHECK(outcome.status != 0);
  CHECK(outcome.err.find("yaml") != std::string::npos);
}
