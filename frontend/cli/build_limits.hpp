// The flags that bound what a RUN of `slipway build`, or a container, may use.
#pragma once

#include <ir/resource_limits.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace slipway {

// As they were written; empty where one was not given.
struct LimitFlags {
  std::string shm_size;
  std::vector<std::string> ulimits;    // NAME=SOFT[:HARD]
  std::vector<std::string> resources;  // --resource: NAME=VALUE, as --NAME has it
  std::string memory;
  std::string memory_swap;
  std::string cpus;
  std::string cpu_shares;
  std::string cpu_period;
  std::string cpu_quota;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::string pids_limit;
  std::string cgroup_parent;
};

enum class LimitsOf { run_step, container };
void declare_limits(CLI::App& app, LimitFlags& flags, LimitsOf whose);

// Bytes; 0: the usual size. Throws Error.
std::uint64_t shm_size_of(const LimitFlags& flags);
// Throws Error for values that docker refuses, and for processors that this machine has not.
ResourceLimits resource_limits_of(const LimitFlags& flags);

}  // namespace slipway
