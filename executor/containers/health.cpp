#include <executor/containers/health.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/json_bounds.hpp>

#include <fcntl.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::json;

// docker's, for what a check leaves out.
constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t default_interval = 30 * second;
constexpr std::int64_t default_timeout = 30 * second;
constexpr std::int64_t default_start_interval = 5 * second;
constexpr std::int64_t default_retries = 3;

// Five outputs of which every byte is six in JSON, and more.
constexpr std::size_t largest_file = 256 << 10;
constexpr std::size_t most_depth = 4;
constexpr std::size_t most_values = 200;

constexpr std::pair<HealthStatus, std::string_view> statuses[] = {
    {HealthStatus::starting, "starting"},
    {HealthStatus::healthy, "healthy"},
    {HealthStatus::unhealthy, "unhealthy"},
};

std::int64_t number(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::string text(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Empty where there is no such file.
std::string read_file(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::string bytes(largest_file, '\0');
  std::size_t used = 0;
  while (file && used < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    used += static_cast<std::size_t>(got);
  }
  bytes.resize(used);
  return bytes;
}

}  // namespace

std::string_view health_status_name(HealthStatus status) {
  for (const auto& [each, name] : statuses)
    if (each == status) return name;
  return {};
}

std::optional<HealthcheckConfig> health_check(const ContainerConfig& config) {
  if (!config.healthcheck || config.healthcheck->test.size() < 2) return std::nullopt;
  HealthcheckConfig check = *config.healthcheck;
  if (check.test.front() != "CMD" && check.test.front() != "CMD-SHELL") return std::nullopt;
  const auto fill = [](std::int64_t& value, std::int64_t usual) {
    if (value <= 0) value = usual;
  };
  fill(check.interval, default_interval);
  fill(check.timeout, default_timeout);
  fill(check.start_period, 0);
  fill(check.start_interval, default_start_interval);
  fill(check.retries, default_retries);
  return check;
}

void take_result(Health& health, const HealthcheckConfig& check, std::int64_t running_for,
                 HealthResult result) {
  const bool failed = result.exit_code != 0;
  health.log.push_back(std::move(result));
  if (health.log.size() > Health::most_results) {
    health.log.erase(health.log.begin(), health.log.end() - Health::most_results);
  }
  if (!failed) {
    health.failing_streak = 0;
    health.status = HealthStatus::healthy;
    return;
  }
  if (health.status == HealthStatus::starting && running_for < check.start_period) return;
  ++health.failing_streak;
  if (health.failing_streak >= check.retries) health.status = HealthStatus::unhealthy;
}

std::string write_health(const Health& health, std::int64_t started) {
  Json log = Json::array();
  for (const HealthResult& result : health.log) {
    log.push_back({{"Start", result.start},
                   {"End", result.end},
                   {"ExitCode", result.exit_code},
                   {"Output", result.output}});
  }
  const Json whole = {{"Started", started},
                      {"Status", health_status_name(health.status)},
                      {"FailingStreak", health.failing_streak},
                      {"Log", std::move(log)}};
  // A program prints any bytes.
  return whole.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Health parse_health(std::string_view bytes, std::int64_t started) {
  Health health;
  if (!is_modest_json(bytes, most_depth, most_values)) return health;
  const Json whole = Json::parse(bytes, nullptr, false);
  if (!whole.is_object()) return health;
  if (number(whole, "Started") == started) {
    const std::string name = text(whole, "Status");
    for (const auto& [status, each] : statuses)
      if (each == name) health.status = status;
    health.failing_streak = std::max<std::int64_t>(number(whole, "FailingStreak"), 0);
  }
  const auto log = whole.find("Log");
  if (log == whole.end() || !log->is_array()) return health;
  for (const Json& entry : *log) {
    if (!entry.is_object() || health.log.size() == Health::most_results) break;
    health.log.push_back({number(entry, "Start"), number(entry, "End"),
                          static_cast<int>(number(entry, "ExitCode")), text(entry, "Output")});
  }
  return health;
}

std::optional<Health> read_health(const std::filesystem::path& folder,
                                  const ContainerConfig& config, const ContainerState& state) {
  if (state.started == 0 || !health_check(config)) return std::nullopt;
  Health health = parse_health(read_file(folder / "health"), state.started);
  if (!state.alive()) health.status = HealthStatus::unhealthy;
  return health;
}

}  // namespace slipway
