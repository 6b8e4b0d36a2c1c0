// Where a list goes on: the Link header (RFC 8288, 3).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// The target of the first link whose relation is "next", as it is written there: perhaps relative
// to what was asked for. Total: nothing if there is none, or the text cannot be read.
std::optional<std::string> next_link(std::string_view header);

}  // namespace slipway
