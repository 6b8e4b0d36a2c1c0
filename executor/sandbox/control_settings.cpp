#include <executor/sandbox/control_settings.hpp>

#include <cmath>
#include <cstdint>

namespace slipway {
namespace {

// The kernel's, where only the time in it was given.
constexpr std::uint64_t default_period = 100'000;
constexpr std::uint64_t fewest_shares = 2;
constexpr std::uint64_t most_shares = 262'144;

// As the OCI runtimes do it since 2025: a curve through the least, the usual (1024 shares, a weight
// of 100) and the most.
std::uint64_t weight_of(std::uint64_t shares) {
  if (shares <= fewest_shares) return 1;
  if (shares >= most_shares) return 10'000;
  const double doublings = std::log2(static_cast<double>(shares));
  const double exponent = (doublings * doublings + 125 * doublings) / 612 - 7.0 / 34;
  return static_cast<std::uint64_t>(std::ceil(std::pow(10, exponent)));
}

std::vector<ControlSetting> memory_settings(const ResourceLimits& limits, bool unified) {
  std::vector<ControlSetting> settings;
  if (!limits.memory) return settings;
  const auto memory = static_cast<std::int64_t>(*limits.memory);
  settings.push_back({unified ? "memory.max" : "memory.limit_in_bytes", std::to_string(memory),
                      "--memory"});
  // docker's rule: as much swap as memory.
  const bool implied = !limits.memory_swap.has_value();
  const std::int64_t both = limits.memory_swap.value_or(2 * memory);
  const char* const flag = implied ? "--memory" : "--memory-swap";
  if (unified) {
    settings.push_back({"memory.swap.max", both < 0 ? "max" : std::to_string(both - memory), flag,
                        implied});
  } else {
    settings.push_back({"memory.memsw.limit_in_bytes", std::to_string(both), flag, implied});
  }
  return settings;
}

std::vector<ControlSetting> cpu_settings(const ResourceLimits& limits, bool unified) {
  std::vector<ControlSetting> settings;
  if (limits.cpu_shares) {
    settings.push_back({unified ? "cpu.weight" : "cpu.shares",
                        std::to_string(unified ? weight_of(*limits.cpu_shares)
                                               : *limits.cpu_shares),
                        "--cpu-shares"});
  }
  const char* const flag = limits.cpu_quota ? "--cpus or --cpu-quota" : "--cpu-period";
  if (unified && (limits.cpu_quota || limits.cpu_period)) {
    settings.push_back({"cpu.max",
                        (limits.cpu_quota ? std::to_string(*limits.cpu_quota) : "max") + " " +
                            std::to_string(limits.cpu_period.value_or(default_period)),
                        flag});
  } else {
    if (limits.cpu_period) {
      settings.push_back({"cpu.cfs_period_us", std::to_string(*limits.cpu_period), flag});
    }
    if (limits.cpu_quota) {
      settings.push_back({"cpu.cfs_quota_us", std::to_string(*limits.cpu_quota), flag});
    }
  }
  return settings;
}

}  // namespace

std::vector<ControlSetting> control_settings(const ResourceLimits& limits,
                                             std::string_view controller, bool unified) {
  if (controller == "memory") return memory_settings(limits, unified);
  if (controller == "cpu") return cpu_settings(limits, unified);
  std::vector<ControlSetting> settings;
  if (controller == "cpuset") {
    if (!limits.cpuset_cpus.empty()) {
      settings.push_back({"cpuset.cpus", limits.cpuset_cpus, "--cpuset-cpus"});
    }
    if (!limits.cpuset_mems.empty()) {
      settings.push_back({"cpuset.mems", limits.cpuset_mems, "--cpuset-mems"});
    }
  }
  // slipway-init is one that docker's containers do not have.
  if (controller == "pids" && limits.pids) {
    settings.push_back({"pids.max", std::to_string(*limits.pids + 1), "--pids-limit"});
  }
  return settings;
}

}  // namespace slipway
