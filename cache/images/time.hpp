// Times as image configs write them (RFC 3339).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway {

// Seconds since the epoch, fractions cut off; empty for what is no time of RFC 3339 ("T" and "Z"
// in upper case, as every writer of configs has them).
std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace slipway
