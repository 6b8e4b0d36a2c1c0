// Dates as HTTP's headers have them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace slipway {

// Seconds since the epoch. Reads the three forms of RFC 9110, 5.6.7; nothing for any other text.
std::optional<std::int64_t> parse_http_date(const std::string& text);

}  // namespace slipway
