// --ulimit.
#pragma once

#include <executor/sandbox/init/plan.hpp>

#include <string>
#include <vector>

namespace slipway {

// "nofile=1024:2048", "nproc=512", -1 or "unlimited" for no limit. Throws Error.
std::vector<init::Limit> parse_limits(const std::vector<std::string>& ulimits);

}  // namespace slipway
