// --env, --env-file, --label and --label-file.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace slipway {

// "NAME=value", the files' first. NAME alone has its value here; without one it is "NAME", or left
// out where a file names it. Throws Error.
std::vector<std::string> parse_environment(const std::vector<std::string>& files,
                                           const std::vector<std::string>& given);

// The flags' win. KEY alone is empty. Throws Error.
std::map<std::string, std::string> parse_labels(const std::vector<std::string>& files,
                                                const std::vector<std::string>& given);

}  // namespace slipway
