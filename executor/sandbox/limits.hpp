// --ulimit, and what this process needs itself.
#pragma once

#include <executor/sandbox/init/plan.hpp>

#include <string>
#include <vector>

namespace slipway {

// "nofile=1024:2048", "nproc=512", -1 or "unlimited" for no limit. Throws Error.
std::vector<init::Limit> parse_limits(const std::vector<std::string>& ulimits);

// As docker hands them on: "NAME=SOFT:HARD" in the order of the names, of each name the last. So
// equal limits are equal in a key, however they were written. Throws Error.
std::vector<std::string> normal_limits(const std::vector<std::string>& ulimits);

// Lets this process have as many descriptors as it may: each step takes six of them while it runs.
// Gives what it had before the first call, which is what steps get.
init::Limit raise_descriptor_limit();

}  // namespace slipway
