// Being in a network that containers share: its process is asked at its socket, and started where
// there is none.
#pragma once

#include <cache/containers/networks.hpp>
#include <cache/containers/store.hpp>
#include <cache/file_descriptor.hpp>
#include <executor/containers/network/messages.hpp>
#include <ir/error.hpp>

#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

namespace slipway {

// What the network calls the container. Throws Error for an alias that is no name.
void describe_member(JoinRequest& request, const Container& container,
                     const std::vector<std::string>& aliases);

struct Membership {
  FileDescriptor connection;  // the container leaves when it is closed
  Address address = 0;
};

// `device`: of frames, in the container's network. `process`: -1, or a pidfd, whose process's the
// membership is then and not the connection's. `note` is told where the network has no way out
// though it should. Throws Error.
Membership join_network(const std::filesystem::path& folder, const Network& network,
                        const JoinRequest& request, const FileDescriptor& device, int process,
                        const std::function<void(const Diagnostic&)>& note);

// Who is in it at the moment; nobody where it has no process. Throws Error.
std::vector<NetworkMember> network_members(const std::filesystem::path& folder);

// Takes a container out. Throws Error: it is not in there.
void leave_network(const std::filesystem::path& folder, std::string_view container);

}  // namespace slipway
