// What the last builds reported, so that a question about a miss can be asked afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Database;

class BuildHistory {
 public:
  static constexpr std::size_t most_builds = 50;

  explicit BuildHistory(Database& database);

  struct Build {
    std::int64_t number = 0;
    std::string place;       // of its Dockerfile and target
    std::int64_t ended = 0;  // seconds since the epoch
    std::string report;      // JSON, opaque here
  };
  // In one transaction with the removal of what is too many then.
  void add(std::string_view place, std::string_view report);
  // Newest first.
  std::vector<Build> list();

 private:
  Database& database_;
};

}  // namespace slipway
