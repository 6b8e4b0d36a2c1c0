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

// While somebody is taken in who may be the first, and while a network is removed: by one at a
// time, also of other processes. Ends with its scope.
struct NetworkLock {
  FileDescriptor folder;
  FileDescriptor file;
};
// Makes the folder where it is missing. Throws Error.
NetworkLock lock_network(const std::filesystem::path& folder);

// `device`: of frames, in the container's network. `process`: -1, or a pidfd, whose process's the
// membership is then and not the connection's. `note` is told where the network has no way out
// though it should. `exists` says whether the network has not been removed, once nobody can any
// more. Throws Error.
Membership join_network(const std::filesystem::path& folder, const Network& network,
                        const JoinRequest& request, const FileDescriptor& device, int process,
                        const std::function<void(const Diagnostic&)>& note,
                        const std::function<bool()>& exists = {});

// Who is in it at the moment; nobody where it has no process. Throws Error.
std::vector<NetworkMember> network_members(const std::filesystem::path& folder);

// Takes a container out. Throws Error: it is not in there.
void leave_network(const std::filesystem::path& folder, std::string_view container);

}  // namespace slipway
