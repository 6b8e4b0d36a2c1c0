// What `cp` reads: a file, or a directory with all it holds, of this machine or of a container.
#pragma once

#include <cache/file_descriptor.hpp>
#include <cache/layers/entry.hpp>

#include <sys/types.h>

#include <functional>
#include <string>
#include <utility>

namespace slipway {

// Calls `visit` for the name in the directory, whose entry has the path "", and all below it, in
// path order; a directory before what it holds. Nothing below is reached through a link. Of a
// regular file that is not a further name of an earlier one, `content` is open for reading. Sockets
// have no entry. `copy`: the directory that the files are copied into, which does not lie among
// them. Throws Error.
void walk_files(
    int directory, const std::string& name, const std::pair<dev_t, ino_t>& copy,
    const std::function<void(const Entry& entry, const FileDescriptor& content)>& visit);

}  // namespace slipway
