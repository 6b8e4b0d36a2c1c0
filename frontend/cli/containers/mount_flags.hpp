// --volume, --mount, --tmpfs and --volumes-from, in docker's writing.
#pragma once

#include <executor/containers/create.hpp>

#include <filesystem>
#include <string>

namespace slipway {

// Each throws Error for what cannot be. `directory`: what a relative path of this machine is
// relative to.
AskedMount parse_volume(const std::string& text, const std::filesystem::path& directory);
AskedMount parse_mount(const std::string& text, const std::filesystem::path& directory);
AskedMount parse_tmpfs(const std::string& text);
MountsOf parse_volumes_from(const std::string& text);

}  // namespace slipway
