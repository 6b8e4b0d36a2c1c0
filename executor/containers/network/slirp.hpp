// slirp4netns for containers: it goes on when who started it has ended, and ends when the other end
// of its lifeline is closed.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/containers/network/addresses.hpp>
#include <executor/sandbox/network/subnet.hpp>

#include <filesystem>

namespace slipway {

struct Slirp {
  FileDescriptor lifeline;
  FileDescriptor frames;  // a frame a packet; none where it has a device in a namespace
};

// A folder by its descriptor, made where it is missing (0700). Throws Error.
FileDescriptor open_folder(const std::filesystem::path& path);

// With its device in the namespace, set up. Its ports' socket is in `folder` (host_ports.hpp).
// Throws Error where it does not work.
Slirp start_slirp_in(const FileDescriptor& space, const Subnet& subnet,
                     const FileDescriptor& folder);
// With a socket in the device's place. Throws Error.
Slirp start_slirp_beside(const AddressRange& range, const FileDescriptor& folder);

}  // namespace slipway
