// How long a server asks to be left alone: the Retry-After header (RFC 9110, 10.2.3).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway {

// Seconds, or a date, which is held against `now` (seconds since the epoch); one that has passed is
// no time at all. Total: nothing for any other text. What is longer than a day is a day.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::int64_t now);

}  // namespace slipway
