#include "standing.hpp"

#include <executor/containers/health.hpp>

#include <algorithm>
#include <cstdint>

using namespace slipway;

namespace {

constexpr std::int64_t second = 1'000'000'000;

HealthcheckConfig check_of(const ContainerConfig& config) {
  return *health_check(config);
}

ContainerConfig checked(std::vector<std::string> test) {
  ContainerConfig config;
  config.healthcheck.emplace();
  config.healthcheck->test = std::move(test);
  return config;
}

HealthResult result(int exit_code) {
  return {1, 2, exit_code, "said"};
}

}  // namespace

TEST_CASE("a check has docker's values where it leaves them out, and NONE is none") {
  CHECK_FALSE(health_check({}));
  CHECK_FALSE(health_check(checked({})));
  CHECK_FALSE(health_check(checked({"NONE"})));
  CHECK_FALSE(health_check(checked({"SOMETHING", "x"})));
  const HealthcheckConfig check = check_of(checked({"CMD", "true"}));
  CHECK(check.interval == 30 * second);
  CHECK(check.timeout == 30 * second);
  CHECK(check.start_period == 0);
  CHECK(check.start_interval == 5 * second);
  CHECK(check.retries == 3);
}

TEST_CASE("three failures in a row make it unhealthy, one success healthy") {
  const HealthcheckConfig check = check_of(checked({"CMD", "true"}));
  Health health;
  take_result(health, check, 0, result(1));
  take_result(health, check, 0, result(-1));
  CHECK(health.status == HealthStatus::starting);
  CHECK(health.failing_streak == 2);
  take_result(health, check, 0, result(7));
  CHECK(health.status == HealthStatus::unhealthy);
  take_result(health, check, 0, result(0));
  CHECK(health.status == HealthStatus::healthy);
  CHECK(health.failing_streak == 0);
  take_result(health, check, 0, result(1));
  CHECK(health.status == HealthStatus::healthy);
  CHECK(health.failing_streak == 1);
  take_result(health, check, 0, result(0));
  CHECK(health.log.size() == Health::most_results);
  CHECK(health.log.front().exit_code == -1);
}

TEST_CASE("failures of the start period count only behind a success") {
  ContainerConfig config = checked({"CMD", "true"});
  config.healthcheck->start_period = 10 * second;
  config.healthcheck->retries = 1;
  const HealthcheckConfig check = check_of(config);
  Health health;
  take_result(health, check, 9 * second, result(1));
  CHECK(health.failing_streak == 0);
  CHECK(health.status == HealthStatus::starting);
  Health begun = health;
  take_result(begun, check, 10 * second, result(1));
  CHECK(begun.status == HealthStatus::unhealthy);
  take_result(health, check, 2 * second, result(0));
  take_result(health, check, 3 * second, result(1));
  CHECK(health.status == HealthStatus::unhealthy);
}

TEST_CASE("the file gives back what was written, and of another start the log alone") {
  Health health;
  health.status = HealthStatus::healthy;
  health.failing_streak = 2;
  health.log = {{1, 2, 0, "a \"b\"\n"}, {3, 4, -1, ""}};
  const std::string text = write_health(health, 77);
  CHECK(parse_health(text, 77) == health);
  const Health other = parse_health(text, 78);
  CHECK(other.status == HealthStatus::starting);
  CHECK(other.failing_streak == 0);
  CHECK(other.log == health.log);
  health.log = {{1, 2, 0, "\xff\x80 no UTF-8"}};
  CHECK(parse_health(write_health(health, 1), 1).log.front().output.ends_with(" no UTF-8"));
  // The largest there can be is still read.
  health.log.assign(5, {INT64_MAX, INT64_MAX, INT32_MIN, std::string(4200, '\x01')});
  CHECK(parse_health(write_health(health, 1), 1) == health);
}

TEST_CASE("a file that is none is passed over") {
  for (const char* text : {"", "{", "[]", "null", "{\"Log\": 3}",
                           "{\"Log\": [1, {\"ExitCode\": \"x\"}], \"Started\": 1.5}",
                           "{\"Started\": 0, \"Status\": [], \"FailingStreak\": -4}"}) {
    CHECK(parse_health(text, 0).status == HealthStatus::starting);
    CHECK(parse_health(text, 0).failing_streak == 0);
  }
  CHECK(parse_health(std::string(100'000, '['), 0) == Health());
}

TEST_CASE("a probe is asked in the container, and its words are kept") {
  SKIP_WITHOUT_RIGHTS();
  ContainerConfig config = checked({"CMD-SHELL", "hostname; echo wrong >&2; test -e $FLAG"});
  config.environment = {"FLAG=/etc/passwd"};
  Standing standing([] {}, config);
  CHECK(probe_health(standing.store(), standing.container()) == 0);
  const auto read = [&] {
    const auto& containers = standing.store().containers();
    return *read_health(containers.folder(standing.container().id), config,
                        containers.state(standing.container().id));
  };
  standing.set([](ContainerState& state) { state.started = 1; });
  CHECK(read().status == HealthStatus::starting);
  CHECK(probe_health(standing.store(), standing.container()) == 0);
  CHECK(read().status == HealthStatus::healthy);
  CHECK(read().log.back().output == "standing\nwrong\n");
  CHECK(read().log.back().exit_code == 0);
  CHECK(read().log.back().start <= read().log.back().end);
  standing.set([](ContainerState& state) { state.status = ContainerStatus::exited; });
  CHECK(read().status == HealthStatus::unhealthy);
  CHECK_THROWS_AS(probe_health(standing.store(), standing.container()), Error);
}

TEST_CASE("a probe that takes too long is killed, and one that cannot be started has failed") {
  SKIP_WITHOUT_RIGHTS();
  ContainerConfig config = checked({"CMD-SHELL", "echo before; sleep 1000; echo after"});
  config.healthcheck->timeout = second / 10;
  config.healthcheck->retries = 2;
  Standing standing([] {}, config);
  standing.set([](ContainerState& state) { state.started = 1; });
  const auto folder = standing.store().containers().folder(standing.container().id);
  CHECK(probe_health(standing.store(), standing.container()) == 2);
  const auto health = [&] {
    return *read_health(folder, config,
                        standing.store().containers().state(standing.container().id));
  };
  CHECK(health().log.back().exit_code == -1);
  CHECK(health().log.back().output.starts_with("Health check exceeded timeout (100ms)"));
  // Nothing of it is left but the process that stands for the container.
  const auto first = HeldProcess::open(standing.process());
  REQUIRE(first);
  int left = 0;
  // What was killed may take its time.
  for (int tries = 0; tries < 1000 && left != 1; ++tries) {
    ::usleep(10'000);
    left = 0;
    each_process_beside(*first, [&](const HeldProcess& process) {
      if (process.read("stat").find(") Z ") == std::string::npos) ++left;
    });
  }
  CHECK(left == 1);
  CHECK(probe_health(standing.store(), standing.container()) == 1);
  CHECK(health().failing_streak == 2);

  ContainerConfig missing = checked({"CMD", "/no/such/program"});
  Standing other([] {}, missing);
  other.set([](ContainerState& state) { state.started = 1; });
  CHECK(probe_health(other.store(), other.container()) == 2);
}

TEST_CASE("of a probe that says much the beginning is kept") {
  SKIP_WITHOUT_RIGHTS();
  const ContainerConfig config = checked({"CMD-SHELL", "head -c 300000 /dev/zero | tr '\\0' x"});
  Standing standing([] {}, config);
  standing.set([](ContainerState& state) { state.started = 1; });
  CHECK(probe_health(standing.store(), standing.container()) == 0);
  const auto& containers = standing.store().containers();
  const auto health = read_health(containers.folder(standing.container().id), config,
                                  containers.state(standing.container().id));
  REQUIRE(health);
  CHECK(health->log.back().output == std::string(4096, 'x') + "...");
}
