#pragma once

#include <executor/chroot/merged_layers.hpp>

#include <string_view>

namespace slipway {

// What the layers have in the directory `source` ("" is the root, which may be empty), into an empty
// one, with the metadata of `source` itself. Throws Error.
void copy_tree(const MergedLayers& layers, std::string_view source, int directory);

}  // namespace slipway
