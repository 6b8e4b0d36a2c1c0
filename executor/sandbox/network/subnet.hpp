// The addresses inside a step's network.
#pragma once

#include <netinet/in.h>

#include <string>

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

// "10.0.2.100" as the kernel wants it.
sockaddr_in socket_address(const std::string& address);

}  // namespace slipway
