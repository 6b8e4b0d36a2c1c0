// Results for people: columns, sizes and ages as docker shows them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Columns wide enough for their longest cell, three spaces between them, as docker's. The first
// row is the heading. The last column is not padded.
std::string table(const std::vector<std::vector<std::string>>& rows);

// "12.6MB" of bytes: powers of 1000, three digits.
std::string size_text(std::uint64_t bytes);
// "3 weeks ago" for times in seconds since the epoch; "N/A" for 0, which says there is none.
std::string age_text(std::int64_t time, std::int64_t now);
// Seconds since the epoch in RFC 3339, UTC.
std::string time_text(std::int64_t time);

}  // namespace slipway
