// Devices and routes of the network namespace that the calling thread is in.
#pragma once

#include <cache/file_descriptor.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <string>

namespace slipway {

// A thread can leave its network namespace but, without root, not return to it: it ends there. What
// the work throws is thrown here.
void in_thread_of_its_own(const std::function<void()>& work);

// The calling thread goes into a new namespace, with its loopback device up; gives the namespace.
FileDescriptor enter_new_network();
// Into that one. Throws Error.
void enter_network(const FileDescriptor& space);

// A device whose packets (of IP) or frames (of Ethernet) arrive in the descriptor, which does not
// block. It goes with the descriptor. Throws Error, with a hint where there is no /dev/net/tun.
FileDescriptor make_packet_device(const char* name);
FileDescriptor make_frame_device(const char* name);

// The largest packet that slirp4netns and pasta can be given, so that a connection begun on one
// device fits the other.
constexpr int largest_mtu = 65520;

struct DeviceSettings {
  std::string address;                               // "10.0.2.100"
  std::string mask;                                  // "255.255.255.0"; empty: the address's class
  const std::array<std::uint8_t, 6>* mac = nullptr;  // none: the kernel's choice
};
// Nothing is sent by the kernel itself, as IPv6 does to find its neighbours. Where that cannot be
// had it is sent.
void keep_quiet(const char* device);
// With that address, the largest packets, and up. Throws Error.
void set_up_device(const char* name, const DeviceSettings& settings);

// The way to everywhere: by a device, or by a machine on one of its networks. `metric`: any with a
// lower one is preferred. Throws Error.
void route_everywhere(const char* device, short metric);
void route_everywhere_by(const std::string& gateway);

// For changes of devices and routes. Throws Error.
FileDescriptor open_settings();
// 127.0.0.0/8 is the namespace's own by this device too, which is up: who binds a socket to it
// would send these addresses out by it else, where slirp4netns dials those of the machine. Throws
// Error.
void keep_loopback_inside(const FileDescriptor& settings, const char* device);

}  // namespace slipway
