// type=local: the result's files in a directory of the user's.
#pragma once

#include <cache/layers/stack.hpp>

#include <filesystem>

namespace slipway {

// Writes over what is there, and leaves alone what the result does not have, as buildx does. The
// files belong to the caller. Nothing is written outside `directory`, whatever links it or the
// result hold. Throws Error.
void export_local(const StackView& view, const std::filesystem::path& directory);

}  // namespace slipway
