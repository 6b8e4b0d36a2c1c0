// Why a source is not there, and what its author probably meant.
#pragma once

#include <executor/files/source_tree.hpp>
#include <ir/error.hpp>

#include <string_view>

namespace slipway {

// "there is no such file", with the nearest name or the reason. `written`: the path as the
// Dockerfile has it.
Error not_found(std::string_view path, const SourceTree& tree, std::string_view written);

}  // namespace slipway
