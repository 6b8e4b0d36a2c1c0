// Processes whose step's init was killed by the step itself, and which are this process's now.
#pragma once

#include <filesystem>

namespace slipway {

// From now on processes whose parents end are this process's children, unless somebody nearer takes
// them (prctl(2), PR_SET_CHILD_SUBREAPER). Throws Error.
void inherit_orphans();

// Kills children of this process that have `root` as their root, or of whom nobody may know it,
// until there are none. Other children, such as git's, are spared.
void end_orphans(const std::filesystem::path& root);

}  // namespace slipway
