// What a registry wants its users to know: the Warning header (RFC 7234, 5.5; distribution-spec,
// "Warnings").
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// The texts of those with the code 299 and the agent "-", which alone are meant for users. Total:
// what cannot be read is left out. The texts are the registry's: show them through quoted().
std::vector<std::string> parse_warnings(std::string_view header);

}  // namespace slipway
