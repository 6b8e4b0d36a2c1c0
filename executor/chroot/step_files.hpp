// What each step is shown: /proc, /sys and /dev as far as they can be had, its network's files, and
// RUN --mount.
#pragma once

#include <executor/chroot/placements.hpp>
#include <executor/sandbox/process_runner.hpp>
#include <executor/ssh/agent_forward.hpp>

#include <string>
#include <vector>

namespace slipway {

// Each throws Error. In this order: a later one may lie in an earlier one.
void place_kernel_directories(Placements& placements, const RunProcess& operation);
void place_network_files(Placements& placements, const RunProcess& operation);
// What RUN --mount gives a step besides files.
struct Requested {
  std::vector<std::string> environment;  // "NAME=value" of secrets that are variables
  std::vector<AgentSocket> agents;
};
// `open_layer` opens a layer of bind mounts'.
Requested place_requested(Placements& placements, const RunRequest& request,
                          const LayerOpener& open_layer);

}  // namespace slipway
