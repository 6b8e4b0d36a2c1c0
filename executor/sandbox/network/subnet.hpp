// The addresses inside a step's network, and what the machine's own allows it.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace slipway {

// A network of 256 addresses between a step and the program that connects it; nobody else sees it.
struct Subnet {
  std::string network;      // "10.0.2.0"
  std::string gateway;      // 10.0.2.2
  std::string name_server;  // 10.0.2.3: is the host's first name server, if need be
  std::string address;      // 10.0.2.100: the step's own
};

// One that none of this machine's addresses lies in, as far as there is one.
Subnet choose_subnet();

// Those of IPv4, as numbers whose highest byte is an address's first.
struct MachineNetwork {
  std::uint32_t address = 0;
  std::uint32_t mask = 0;
};
std::vector<MachineNetwork> networks_of_this_machine();

// Whether a machine with these routes (/proc/net/route, /proc/net/ipv6_route) leads out by IPv6
// alone, which steps' own networks have not.
bool leads_out_by_ipv6_alone(std::istream& ipv4_routes, std::istream& ipv6_routes);

// "10.0.2.100" as the kernel wants it.
sockaddr_in socket_address(const std::string& address);

}  // namespace slipway
