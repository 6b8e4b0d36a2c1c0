// Ports of this machine for those of a container: --publish and --publish-all.
#pragma once

#include <cache/containers/container.hpp>

#include <vector>

namespace slipway {

// All that the container publishes, each with an address and a port of this machine that nobody has
// at the moment. Throws Error: a port is taken, or not for this user, or cannot be published.
std::vector<PortMapping> choose_host_ports(const ContainerConfig& config);

}  // namespace slipway
