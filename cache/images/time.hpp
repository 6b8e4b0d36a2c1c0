// Times as image configs write them (RFC 3339), and as people give them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway {

// Seconds since the epoch, fractions cut off; empty for what is no time of RFC 3339 ("T" and "Z"
// in upper case, as every writer of configs has them).
std::optional<std::int64_t> parse_time(std::string_view text);

// What docker takes for `until`: how long before `now` ("24h", "1h30m", and here also "7d"), a date
// or time with or without a zone ("2024-05-31", "2024-05-31T12:00", "2024-05-31T12:00:00.5+02:00";
// the machine's zone counts), or seconds since the epoch. Gives seconds since the epoch; empty for
// anything else.
std::optional<std::int64_t> read_moment(std::string_view text, std::int64_t now);

}  // namespace slipway
