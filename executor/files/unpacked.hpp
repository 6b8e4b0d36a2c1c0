// An archive as a tree to copy from: unpacked beside the layers, and in no store.
#pragma once

#include <cache/layers/extract.hpp>
#include <cache/layers/store.hpp>
#include <cache/stream.hpp>
#include <executor/files/source_tree.hpp>

#include <memory>
#include <string>

namespace slipway {

// A tree of its own: owners, modes, times and attributes are the archive's. The files lie in
// `staging`, which outlives the tree. Throws Error where the archive is malformed or would leave
// it.
std::unique_ptr<SourceTree> unpack_tree(ByteSource& archive, const Staging& staging,
                                        std::string name);

// A tree with nothing in it.
std::unique_ptr<SourceTree> empty_tree(std::string name);

}  // namespace slipway
