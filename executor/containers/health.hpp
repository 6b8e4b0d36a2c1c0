// The health of a container, as HEALTHCHECK asks for it.
//
// The monitor counts the time and has `slipway container-hook health ID` run one probe after the
// other; what they said is in containers/ID/health, JSON in docker's names:
//   {"Started": NS, "Status": "healthy", "FailingStreak": 0,
//    "Log": [{"Start": NS, "End": NS, "ExitCode": 0, "Output": "..."}]}
// Started is that of the container's state: a file of an earlier start is only a log.
//
// The first probe runs one interval after the start, the next one an interval after the end of the
// last; in the start period it is the start interval, until the hook's exit status is 0: healthy. 1
// is unhealthy, 2 starting still.
#pragma once

#include <cache/containers/store.hpp>
#include <ir/image_config.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Store;

enum class HealthStatus { starting, healthy, unhealthy };
// docker's words: "starting", "healthy", "unhealthy".
std::string_view health_status_name(HealthStatus status);

struct HealthResult {
  std::int64_t start = 0;  // nanoseconds since the epoch
  std::int64_t end = 0;
  int exit_code = 0;  // -1: it took too long, or could not be run
  std::string output;
  bool operator==(const HealthResult&) const = default;
};

struct Health {
  static constexpr std::size_t most_results = 5;

  HealthStatus status = HealthStatus::starting;
  std::int64_t failing_streak = 0;
  std::vector<HealthResult> log;  // the oldest first
  bool operator==(const Health&) const = default;
};

// What is to be done, with docker's values for what is zero; nothing: there is no check, or NONE.
std::optional<HealthcheckConfig> health_check(const ContainerConfig& config);

// What a probe changes. `running_for`: how long the container ran when it began.
void take_result(Health& health, const HealthcheckConfig& check, std::int64_t running_for,
                 HealthResult result);

// What ps and inspect show: nothing where there is no check or the container was never started; one
// that does not run is unhealthy, as docker's. Total: a file that is none is passed over.
std::optional<Health> read_health(const std::filesystem::path& folder,
                                  const ContainerConfig& config, const ContainerState& state);

// The text of the file and back; total. Nothing: it is of another start than `started`, whose log
// comes with it all the same.
std::string write_health(const Health& health, std::int64_t started);
Health parse_health(std::string_view text, std::int64_t started);

// `container-hook health`: one probe. Gives the hook's exit status. Throws Error where the
// container does not run.
int probe_health(Store& store, const Container& container);

}  // namespace slipway
