// A container's end of a network that containers share: a device of Ethernet in its namespace,
// whose frames the network's process carries.
#pragma once

#include <cache/containers/networks.hpp>
#include <cache/file_descriptor.hpp>
#include <executor/containers/network/addresses.hpp>
#include <executor/containers/network/membership.hpp>
#include <ir/error.hpp>

#include <filesystem>
#include <functional>
#include <string>

namespace slipway {

// A new namespace with such a device and no other but the loopback's, joined to the network. Throws
// Error.
struct Joined {
  FileDescriptor space;
  Membership membership;
};
Joined join_with_new_space(const std::filesystem::path& folder, const Network& network,
                           const JoinRequest& request,
                           const std::function<void(const Diagnostic&)>& note,
                           const std::function<bool()>& exists = {});

// The same for a container that runs, in its own namespace, until `process`, a pidfd, has ended.
// Its other networks keep the way to everywhere if they have it. Throws Error.
Address join_running(const std::filesystem::path& folder, const Network& network,
                     const JoinRequest& request, const FileDescriptor& space, int process,
                     const std::function<void(const Diagnostic&)>& note,
                     const std::function<bool()>& exists = {});

}  // namespace slipway
