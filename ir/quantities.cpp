#include <ir/quantities.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace slipway {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr std::array units = {
    Unit{"ns", 1},          Unit{"us", 1000},          Unit{"\xc2\xb5s", 1000},
    Unit{"\xce\xbcs", 1000}, Unit{"ms", 1000000},       Unit{"s", 1000000000},
    Unit{"m", 60000000000}, Unit{"h", 3600000000000}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits with at most one point; false if there is not a single digit.
bool read_decimal(std::string_view& text, long double& value) {
  value = 0;
  bool digits = false;
  long double scale = 0;
  while (!text.empty() && (is_digit(text[0]) || (text[0] == '.' && scale == 0))) {
    if (text[0] == '.') {
      scale = 1;
    } else {
      digits = true;
      if (scale > 0) {
        scale /= 10;
        value += static_cast<long double>(text[0] - '0') * scale;
      } else {
        value = value * 10 + static_cast<long double>(text[0] - '0');
      }
    }
    text.remove_prefix(1);
  }
  return digits;
}

}  // namespace

std::optional<std::int64_t> read_duration(std::string_view text) {
  long double sign = 1;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    if (text[0] == '-') sign = -1;
    text.remove_prefix(1);
  }
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  long double total = 0;
  while (!text.empty()) {
    long double value = 0;
    if (!read_decimal(text, value)) return std::nullopt;
    std::size_t length = 0;
    while (length < text.size() && text[length] != '.' && !is_digit(text[length])) ++length;
    const std::string_view name = text.substr(0, length);
    const Unit* unit = nullptr;
    for (const Unit& each : units) {
      if (each.name == name) unit = &each;
    }
    if (unit == nullptr) return std::nullopt;
    total += value * static_cast<long double>(unit->nanoseconds);
    text.remove_prefix(length);
  }
  constexpr auto limit = static_cast<long double>(std::numeric_limits<std::int64_t>::max());
  if (total >= limit) return std::nullopt;
  return static_cast<std::int64_t>(sign * std::floor(total));
}

namespace {

constexpr std::array<std::pair<char, std::int64_t>, 5> age_units = {
    {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};

}  // namespace

std::optional<std::int64_t> read_age(std::string_view text) {
  constexpr std::int64_t longest = 100LL * 365 * 86400;
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc() || !is_digit(text[0])) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    const auto unit = std::find_if(age_units.begin(), age_units.end(), [&](const auto& each) {
      return !text.empty() && each.first == text[0];
    });
    if (unit == age_units.end() || number > longest / unit->second) return std::nullopt;
    text.remove_prefix(1);
    total += number * unit->second;
    if (total > longest) return std::nullopt;
  }
  return total > 0 ? std::optional(total) : std::nullopt;
}

std::string shortest_age(std::int64_t seconds) {
  for (const auto& [name, length] : age_units)
    if (name != 'w' && seconds % length == 0 && seconds >= length) return std::to_string(seconds / length) + name;
  return std::to_string(seconds) + "s";
}

std::optional<std::uint64_t> read_size(std::string_view text) {
  const std::size_t last = text.find_last_of("0123456789. ");
  if (last == std::string_view::npos) return std::nullopt;
  std::string_view number = text.substr(0, text[last] == ' ' ? last : last + 1);
  std::string unit(text.substr(last + 1));
  for (char& c : unit) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (number.starts_with('+')) number.remove_prefix(1);
  double value = 0;
  const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
  const bool whole = read.ec == std::errc() && read.ptr == number.data() + number.size();
  if (!whole || !std::isfinite(value) || std::signbit(value)) return std::nullopt;
  if (!unit.empty() && unit != "b") {
    const std::size_t power = std::string_view("kmgtp").find(unit[0]);
    if (power == std::string_view::npos) return std::nullopt;
    const std::string_view rest = std::string_view(unit).substr(1);
    if (!rest.empty() && rest != "b" && rest != "ib") return std::nullopt;
    value = std::ldexp(value, static_cast<int>(10 * (power + 1)));
  }
  if (value >= static_cast<double>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

std::optional<std::uint32_t> read_number(std::string_view text, int base) {
  std::uint32_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<bool> read_boolean(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "true", "True", "TRUE"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "false", "False", "FALSE"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

}  // namespace slipway
