// What `source` of a RUN --mount is in the tree that it is taken from.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/sandbox/root_tree.hpp>

#include <string>

namespace slipway {

// O_PATH. Links lead nowhere out of `root`. Looked up once and used by descriptor: a link that a
// step beside this one puts there later changes nothing. Throws Error.
FileDescriptor open_source(int root, const std::string& source);

// What has to be at a target for it.
RootTree::Kind kind_of(const FileDescriptor& source);

}  // namespace slipway
