// A file of the user's that is written anew as a whole.
#pragma once

#include <filesystem>
#include <string_view>

namespace slipway {

// Where the name leads when it is a link, also one to a file that is not there yet; else the name
// itself. Throws Error for links that lead in a circle.
std::filesystem::path without_links(const std::filesystem::path& path);

// Written aside and renamed, so that nobody reads half of it and a link stays one. A device or a
// pipe is written to as it is: a rename would put a file in its place. Throws Error.
void replace_file(const std::filesystem::path& path, std::string_view text);

}  // namespace slipway
