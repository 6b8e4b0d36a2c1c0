// One file from a directory into another, with all that a layer keeps of it.
#pragma once

#include <cache/layers/entry.hpp>

#include <string>

namespace slipway {

// The file `name` in `from`, which is no directory, as `to_name` in `to`, where nothing is. Its
// content and times are those on the disk, all else is `entry`'s. Blocks are shared where the file
// system can do that. Throws Error.
void copy_node(int from, const std::string& name, const Entry& entry, int to,
               const std::string& to_name);

}  // namespace slipway
