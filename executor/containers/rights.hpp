// What a container may do, by what was asked for when it was created.
#pragma once

#include <cache/containers/container.hpp>
#include <executor/devices/registry.hpp>
#include <executor/sandbox/rights.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace slipway {

// docker's rule: the default ones with and without those named; "ALL" is all of them. Names with or
// without "CAP_", in any case. Throws Error for one that is none, with a hint. A bit each.
std::uint64_t chosen_capabilities(const std::vector<std::string>& added,
                                  const std::vector<std::string>& dropped);

// Throws Error: a capability or a device that there is not.
StepRights container_rights(const ContainerConfig& config, const DeviceRegistry& devices);

}  // namespace slipway
