// What a container uses of the machine, at one moment.
//
// From its control groups as far as it has some of its own, else summed up over its processes.
#pragma once

#include <cache/containers/container.hpp>
#include <cache/containers/state.hpp>

#include <cstdint>
#include <optional>

namespace slipway {

struct ContainerUsage {
  std::int64_t when = 0;           // nanoseconds on the steady clock
  std::uint64_t processor = 0;     // nanoseconds of processor time since its start
  std::uint64_t memory = 0;        // bytes, without what of files the kernel could drop at once
  std::uint64_t memory_limit = 0;  // bytes; the machine's where it has none
  std::uint64_t received = 0;      // bytes by the devices of its network; none: the host's
  std::uint64_t sent = 0;
  std::uint64_t read = 0;  // bytes from and to disks
  std::uint64_t written = 0;
  std::uint64_t processes = 0;  // their threads, as the kernel counts
};

// Nothing: it does not run. Its processes may end meanwhile: what is gone is not counted.
std::optional<ContainerUsage> container_usage(const ContainerState& state);

// Of one processor, 100 is all of it. 0 where the two are not of one life of the container.
double processor_share(const ContainerUsage& before, const ContainerUsage& now);

}  // namespace slipway
