// A network namespace that is ready for a step before anything connects it to the outside.
//
// In it are the loopback device and one named idle0, with the step's address and a default route
// that any other is preferred to. What a step sends out arrives in the descriptor `idle`: only then
// it is worth starting a program that connects the namespace. With that program come a device and a
// route of its own, and what had arrived is sent once more.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/sandbox/network/subnet.hpp>

#include <string_view>

namespace slipway {

struct NetworkSpace {
  FileDescriptor descriptor;  // of the namespace
  FileDescriptor idle;        // whole IP packets, not blocking
};

// Half a millisecond. Throws Error, with a hint where this machine has no /dev/net/tun.
NetworkSpace make_network_space(const Subnet& subnet);

// What is needed inside once a step has sent something; what is read does not block.
struct SpaceSockets {
  FileDescriptor packets;  // sends whole IP packets
  FileDescriptor routes;   // tells of new routes
  FileDescriptor settings;
};
// Throws Error.
SpaceSockets open_in(const NetworkSpace& space);

// Whether an IP packet is one that a program has sent to another machine: not what the kernel sends
// by itself to find neighbours and routers.
bool leaves_the_machine(std::string_view packet);

// Reads what there is. True when one of the new routes leads to everywhere.
bool connected_by_now(const FileDescriptor& routes);

// From now on packets go out by `device` and never come back to idle0, and nothing goes out by it
// to loopback addresses. Throws Error.
void send_by(const SpaceSockets& sockets, const char* device);
void send_again(const SpaceSockets& sockets, std::string_view packet);

}  // namespace slipway
