// How much of the machine one RUN, or one container, may use, all of its processes together.
//
// No part of an operation: whoever has more memory gets the same result, so no cache key knows of
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace slipway {

struct ResourceLimits {
  std::optional<std::uint64_t> memory;       // bytes
  std::optional<std::int64_t> memory_swap;   // bytes of memory and swap together; -1: no limit
  std::optional<std::uint64_t> cpu_shares;   // weight beside others; the kernel's own is 1024
  std::optional<std::uint64_t> cpu_quota;    // microseconds of CPU time in each period
  std::optional<std::uint64_t> cpu_period;   // microseconds
  std::string cpuset_cpus;                   // "0-3,7"; empty: all
  std::string cpuset_mems;
  std::optional<std::uint64_t> pids;         // processes and threads
  std::string cgroup_parent;                 // from the root of the hierarchies; empty: the builder's

  bool operator==(const ResourceLimits&) const = default;
  bool any() const { return *this != ResourceLimits(); }
};

}  // namespace slipway
