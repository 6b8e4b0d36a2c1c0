// Numbers with units, as Go's libraries read them; ages are our own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// "1m30s" in nanoseconds (Go's time.ParseDuration: ns us ms s m h).
std::optional<std::int64_t> read_duration(std::string_view text);
// "7d", "1w12h", "90s" in seconds: whole numbers with one of s m h d w behind each; more than zero.
std::optional<std::int64_t> read_age(std::string_view text);
// The same back, in the largest unit up to days that it is a whole number of: "7d", "36h".
std::string shortest_age(std::int64_t seconds);
// "64m", "1.5GiB" in bytes (docker/go-units' RAMInBytes: units of 1024 up to p).
std::optional<std::uint64_t> read_size(std::string_view text);
// Digits only, in the given base, up to 32 bits.
std::optional<std::uint32_t> read_number(std::string_view text, int base);
// Go's strconv.ParseBool: 1 t T true True TRUE, and their opposites.
std::optional<bool> read_boolean(std::string_view text);

}  // namespace slipway
