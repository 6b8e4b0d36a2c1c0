#include <cache/build_history.hpp>

#include <cache/database.hpp>

namespace slipway {

BuildHistory::BuildHistory(Database& database) : database_(database) {}

void BuildHistory::add(std::string_view place, std::string_view report) {
  Transaction transaction(database_);
  Query(database_, "INSERT INTO builds (place, ended, report) VALUES (?, unixepoch(), ?)")
      .bind(place)
      .bind(report)
      .run();
  Query(database_, "DELETE FROM builds WHERE number <= (SELECT max(number) FROM builds) - ?")
      .bind(static_cast<std::uint64_t>(most_builds))
      .run();
  transaction.commit();
}

std::vector<BuildHistory::Build> BuildHistory::list() {
  Query query(database_, "SELECT number, place, ended, report FROM builds ORDER BY number DESC");
  std::vector<Build> builds;
  while (query.step())
    builds.push_back({query.integer(0), query.text(1), query.integer(2), query.text(3)});
  return builds;
}

}  // namespace slipway
