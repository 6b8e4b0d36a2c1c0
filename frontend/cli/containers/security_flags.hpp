// --cap-add, --cap-drop and --security-opt.
#pragma once

#include <cache/containers/container.hpp>

#include <string>
#include <vector>

namespace slipway {

// "NET_ADMIN", "ALL". Throws Error for what is no capability.
std::vector<std::string> parse_capabilities(const std::vector<std::string>& names);

// What the options say, into `config`. Throws Error, also for what slipway cannot do.
void take_security_options(const std::vector<std::string>& options, ContainerConfig& config);

}  // namespace slipway
