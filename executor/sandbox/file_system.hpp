// New kernel file systems, mounted nowhere yet, and the end of their being written.
#pragma once

#include <cache/file_descriptor.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace slipway {

// `options` are those of mount(8), an empty value for one that has none; `attributes` are
// MOUNT_ATTR_... Throws Error.
FileDescriptor new_file_system(const char* type,
                               const std::vector<std::pair<std::string, std::string>>& options,
                               std::uint64_t attributes);

// Makes the file system of the mount read-only, for everyone who has anything of it open. False
// where a file of it is open for writing, or was deleted and is still open. Throws Error.
bool make_read_only(const FileDescriptor& mount);

}  // namespace slipway
