#include "temporary_folder.hpp"

#include <cache/build_history.hpp>
#include <cache/database.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace slipway;

TEST_CASE("the last fifty builds are remembered, the newest first") {
  TemporaryFolder folder;
  Database database(folder / "slipway.db");
  BuildHistory history(database);
  CHECK(history.list().empty());
  for (int i = 0; i < 60; ++i) history.add("place", "report " + std::to_string(i));
  const auto builds = history.list();
  REQUIRE(builds.size() == BuildHistory::most_builds);
  CHECK(builds.front().report == "report 59");
  CHECK(builds.front().place == "place");
  CHECK(builds.front().ended > 1700000000);
  CHECK(builds.back().report == "report 10");
}
