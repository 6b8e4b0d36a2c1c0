// The files of an uncompressed tar, read at any place.
#pragma once

#include <cache/archive/members.hpp>
#include <cache/file_descriptor.hpp>

#include <memory>

namespace slipway {

// Walks the headers of the tar once, from the beginning of `file`, which has to be seekable. Links
// to other members, as docker wrote them for layers that two images share, are followed by name.
// Throws Error for what is malformed, or has more than 100,000 members.
std::unique_ptr<ArchiveMembers> open_tar_members(FileDescriptor file);

}  // namespace slipway
