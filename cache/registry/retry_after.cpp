#include <cache/registry/retry_after.hpp>

#include <cache/registry/http_date.hpp>

#include <algorithm>
#include <string>

namespace slipway {

std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::int64_t now) {
  constexpr std::int64_t longest = 24 * 60 * 60;
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
  if (value.empty() || value.size() > 64) return std::nullopt;
  const bool number =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  std::int64_t seconds = 0;
  if (number) {
    for (const char c : value) seconds = std::min(seconds * 10 + (c - '0'), longest);
  } else {
    const auto date = parse_http_date(std::string(value));
    if (!date) return std::nullopt;
    // Compared, not subtracted: a date may be of any century.
    seconds = *date <= now ? 0 : *date - now > longest ? longest : *date - now;
  }
  return std::chrono::seconds(seconds);
}

}  // namespace slipway
