// The root of a container whose processes are alive: what may be read there, and its terminals.
#pragma once

#include <cache/containers/container.hpp>
#include <cache/file_descriptor.hpp>
#include <executor/containers/processes.hpp>
#include <executor/sandbox/users.hpp>

#include <string>
#include <vector>

namespace slipway {

// The root of its mounts, which is not what a process of its has made its own root. Throws Error.
FileDescriptor root_of(const HeldProcess& process);

// `user` as USER has it, by the passwd and group there, with `groups` (names or numbers) beside its
// own. Throws Error.
RunUser user_in(const FileDescriptor& root, const std::string& user,
                const std::vector<std::string>& groups);

// Its /dev/pts, which is the kernel's own file system and no link to something else. Throws Error.
FileDescriptor terminals_in(const FileDescriptor& root);

}  // namespace slipway
