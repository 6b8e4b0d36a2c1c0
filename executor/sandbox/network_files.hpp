// What a step sees as /etc/hosts and /etc/resolv.conf.
#pragma once

#include <ir/operation.hpp>

#include <string>

namespace slipway {

// Of steps that ask for none; BuildKit's, which Dockerfiles have come to know.
constexpr const char* default_hostname = "buildkitsandbox";

// How a step in the host's network reaches the host.
constexpr const char* loopback_address = "127.0.0.1";

// What this machine is to other machines, an IPv4 address; empty where it knows of no way to them.
std::string address_outside();

// `gateway`: the address by which the step reaches the host, for extra hosts whose address is
// "host-gateway". Throws Error where an extra host's name or address is none.
std::string hosts_file(const RunProcess& operation, const std::string& gateway);
// Its lines for the extra hosts alone.
std::string extra_host_lines(const RunProcess& operation, const std::string& gateway);

// The host's own, for a step in the host's network; empty where the host has none.
std::string resolv_conf();

// Whether the host's file names a server that a step in a network of its own can ask: one with an
// IPv4 address that is not the host's loopback device's.
bool names_reachable_server(const std::string& host);
// The host's file for such a step: without the other servers, as in docker's builds; where none is
// left, with `name_server`.
std::string resolv_conf_inside(const std::string& host, const std::string& name_server);

}  // namespace slipway
