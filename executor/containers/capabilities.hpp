// Capabilities by their names (capabilities(7)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// "NET_ADMIN" ...; in the order of their numbers.
const std::vector<std::string>& capability_names();

// Of "net_admin" and "CAP_NET_ADMIN" the name in the list. Nothing: there is no such capability.
std::optional<std::string> normal_capability(std::string_view text);
// A bit for the name. Nothing: there is no such capability.
std::optional<std::uint64_t> capability_bit(std::string_view name);

}  // namespace slipway
