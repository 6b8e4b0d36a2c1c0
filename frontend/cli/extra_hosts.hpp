// --add-host of builds and containers.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace slipway {

// NAME:ADDRESS or NAME=ADDRESS, as name and address; one of IPv6 may stand in brackets. Throws
// Error.
std::vector<std::pair<std::string, std::string>> extra_hosts(const std::vector<std::string>& texts);

}  // namespace slipway
