// What a step sees as /etc/hosts and /etc/resolv.conf.
#pragma once

#include <ir/operation.hpp>

#include <string>

namespace slipway {

// Of steps that ask for none; BuildKit's, which Dockerfiles have come to know.
constexpr const char* default_hostname = "buildkitsandbox";

// Throws Error where an extra host's name or address is none.
std::string hosts_file(const RunProcess& operation);

// The host's own, since a step is in the host's network; empty where the host has none.
std::string resolv_conf();

}  // namespace slipway
