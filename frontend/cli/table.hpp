// Results for people: columns, sizes and ages as docker shows them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Columns wide enough for their longest cell and three spaces, ten places at least, as docker's.
// The first row is the heading. The last column is not padded.
std::string table(const std::vector<std::vector<std::string>>& rows);

// Code points; wide and combining ones count as one, as in docker's tables.
std::size_t width_of(std::string_view text);

// At most that many characters; what is longer is cut, and ends with an ellipsis.
std::string shortened(const std::string& text, std::size_t places);

// "12.6MB" of bytes: powers of 1000, three digits.
std::string size_text(std::uint64_t bytes);
// The same with four digits, as docker has it where it sums up.
std::string sum_text(std::uint64_t bytes);
// "3 weeks ago" for times in seconds since the epoch; "N/A" for 0, which says there is none.
std::string age_text(std::int64_t time, std::int64_t now);
// Seconds since the epoch in RFC 3339, UTC.
std::string time_text(std::int64_t time);
// The same on the machine's clock, "2026-11-30T16:00:00+01:00".
std::string local_time_text(std::int64_t time);
// The same as Go prints a time, "2026-11-30 16:00:00 +0100 CET".
std::string go_time_text(std::int64_t time);

}  // namespace slipway
