// Copying files between a container and this machine, by docker's rules for what lands where.
//
// "SRC/." is what a directory holds; a directory that is copied to one that exists goes into it, to
// a name that does not exist becomes it; a file replaces a file, and nothing takes the place of a
// directory. Paths of a container are resolved in its root: no link of it leads to a file of this
// machine. Of a directory's files none is reached through a link.
#pragma once

#include <cache/stream.hpp>
#include <executor/containers/container_tree.hpp>
#include <executor/containers/copied_files.hpp>

#include <string>

namespace slipway {

struct CopyRequest {
  std::string source;
  std::string destination;
  bool archive = false;        // owners as they are; otherwise the container's root, or this user
  bool follow = false;         // of a source that is a link, what it leads to
  std::string container = {};  // its name, for errors
};

// Devices are left out. Each throws Error.
CopiedFiles copy_out(const ContainerTree& container, const CopyRequest& request);
CopiedFiles copy_in(const ContainerTree& container, const CopyRequest& request);

// The same as a tar, with the owners that the files have. Without a destination.
CopiedFiles copy_out(const ContainerTree& container, const CopyRequest& request,
                     const ByteSink& tar);
// A tar, compressed or not, into a directory that exists, with the owners that it says. Its names
// may lead through the container's links. Without a source.
CopiedFiles copy_in(const ContainerTree& container, const CopyRequest& request, ByteSource& tar);

}  // namespace slipway
