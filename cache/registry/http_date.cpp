#include <cache/registry/http_date.hpp>

#include <array>
#include <cstdio>
#include <ctime>
#include <string_view>

namespace slipway {
namespace {

// Not strptime: it reads names in the user's language.
constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Fields {
  int day = 0, year = 0, hour = 0, minute = 0, second = 0;
  char month[4] = {};
  int read = 0;  // characters
};

std::optional<std::int64_t> seconds(const Fields& fields, std::size_t length) {
  if (static_cast<std::size_t>(fields.read) != length) return std::nullopt;
  int month = 0;
  while (month < 12 && months[static_cast<std::size_t>(month)] != fields.month) ++month;
  if (month == 12 || fields.day < 1 || fields.day > 31 || fields.hour < 0 || fields.hour > 23 ||
      fields.minute < 0 || fields.minute > 59 || fields.second < 0 || fields.second > 60 ||
      fields.year < 0)
    return std::nullopt;
  std::tm time{};
  time.tm_mday = fields.day;
  time.tm_mon = month;
  time.tm_year = fields.year - 1900;
  time.tm_hour = fields.hour;
  time.tm_min = fields.minute;
  time.tm_sec = fields.second;
  return static_cast<std::int64_t>(::timegm(&time));
}

}  // namespace

std::optional<std::int64_t> parse_http_date(const std::string& text) {
  Fields f;
  // Sun, 06 Nov 1994 08:49:37 GMT
  if (std::sscanf(text.c_str(), "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &f.day,
                  f.month, &f.year, &f.hour, &f.minute, &f.second, &f.read) == 6)
    if (const auto time = seconds(f, text.size())) return time;
  // Sunday, 06-Nov-94 08:49:37 GMT
  f = {};
  if (std::sscanf(text.c_str(), "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", &f.day,
                  f.month, &f.year, &f.hour, &f.minute, &f.second, &f.read) == 6) {
    f.year += f.year < 69 ? 2000 : 1900;  // as Go and POSIX read two digits
    if (const auto time = seconds(f, text.size())) return time;
  }
  // Sun Nov  6 08:49:37 1994
  f = {};
  if (std::sscanf(text.c_str(), "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", f.month, &f.day,
                  &f.hour, &f.minute, &f.second, &f.year, &f.read) == 6)
    return seconds(f, text.size());
  return std::nullopt;
}

}  // namespace slipway
