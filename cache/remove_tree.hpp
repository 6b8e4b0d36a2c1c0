// Removing a directory that somebody else filled.
#pragma once

#include <filesystem>
#include <system_error>

namespace slipway {

// Removes `path` with all that is in it, or a file; one that is not there is no error. However deep
// the tree is: std::filesystem::remove_all has a descriptor open for each level, so a step could
// leave a tree that no later process would ever get rid of. Links are not followed. Nobody may
// change the tree meanwhile. Gives the first failure, after having removed what could be.
std::error_code remove_tree(const std::filesystem::path& path) noexcept;

}  // namespace slipway
