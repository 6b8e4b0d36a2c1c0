// Paths as text: nothing here looks at a file system.
#pragma once

#include <string>
#include <string_view>

namespace slipway {

// The path below "/", without "." and ".." and doubled slashes; ".." at the top goes nowhere.
std::string rooted(std::string_view path);
// `path` seen from `directory`, rooted.
std::string joined(std::string_view directory, std::string_view path);
// The last name of a path; "/" for the top, "." for nothing.
std::string last_name(std::string_view path);

}  // namespace slipway
