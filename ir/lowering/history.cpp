#include <ir/code_point.hpp>
#include <ir/lowering/history.hpp>

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>

namespace slipway {

void add_history(ImageConfig& config, std::string created_by, bool layer) {
  HistoryEntry entry;
  entry.created_by = std::move(created_by);
  entry.comment = "buildkit.dockerfile.v0";
  entry.empty_layer = !layer;
  config.history.push_back(std::move(entry));
}

std::string run_text(const StageState& stage, const std::vector<std::string>& arguments) {
  // Each ARG once, where it was first declared, with the value that RUN sees.
  std::vector<std::string> entries;
  std::unordered_map<std::string, std::size_t> known;
  for (const auto& [name, value] : stage.build_args) {
    const auto seen = stage.environment.scope().find(name);
    const std::string entry = name + "=" + std::string(seen ? *seen : value.value_or(""));
    const auto [place, added] = known.try_emplace(name, entries.size());
    if (added) {
      entries.push_back(entry);
    } else {
      entries[place->second] = entry;
    }
  }
  std::string text;
  if (!entries.empty()) text = "|" + std::to_string(entries.size());
  for (const std::string& entry : entries) text += " " + entry;
  for (const std::string& argument : arguments) {
    if (!text.empty()) text += " ";
    text += argument;
  }
  return text;
}

std::string history_time(std::int64_t seconds) {
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  const auto padded = [](auto number, std::size_t width) {
    std::string text = std::to_string(number);
    return text.insert(0, width - std::min(width, text.size()), '0');
  };
  return padded(static_cast<int>(date.year()), 4) + "-" +
         padded(static_cast<unsigned>(date.month()), 2) + "-" +
         padded(static_cast<unsigned>(date.day()), 2) + "T" + padded(clock.hours().count(), 2) +
         ":" + padded(clock.minutes().count(), 2) + ":" + padded(clock.seconds().count(), 2) + "Z";
}

std::string go_quoted(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result = "\"";
  while (!text.empty()) {
    const CodePoint c = decode(text);
    const std::size_t special = std::string_view("\a\b\f\n\r\t\v\\\"").find(text.front());
    if (c.valid && c.value < 0x80 && special != std::string_view::npos) {
      result += '\\';
      result += std::string_view("abfnrtv\\\"")[special];
    } else if (!c.valid || c.value < 0x20 || c.value == 0x7F) {
      result += "\\x";
      result += digits[c.value >> 4 & 15];
      result += digits[c.value & 15];
    } else {
      result += text.substr(0, c.length);
    }
    text.remove_prefix(c.length);
  }
  return result + '"';
}

std::string go_list(const std::vector<std::string>& values) {
  std::string result = "[";
  for (const std::string& value : values) {
    if (result.size() > 1) result += ' ';
    result += value;
  }
  return result + "]";
}

std::string go_quoted_list(const std::vector<std::string>& values) {
  std::vector<std::string> quoted_values;
  for (const std::string& value : values) quoted_values.push_back(go_quoted(value));
  return go_list(quoted_values);
}

std::string go_duration(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  const std::string sign = nanoseconds < 0 ? "-" : "";
  const std::uint64_t value = nanoseconds < 0 ? 0 - static_cast<std::uint64_t>(nanoseconds)
                                              : static_cast<std::uint64_t>(nanoseconds);
  // `amount` of units of 10^digits nanoseconds, with the decimals that are not zero.
  const auto decimal = [](std::uint64_t amount, std::uint64_t unit, std::size_t digits) {
    std::string text = std::to_string(amount / unit);
    std::string rest = std::to_string(amount % unit);
    rest.insert(0, digits - std::min(digits, rest.size()), '0');
    while (rest.ends_with('0')) rest.pop_back();
    return rest.empty() ? text : text + "." + rest;
  };
  if (value < 1000) return sign + std::to_string(value) + "ns";
  if (value < 1000000) return sign + decimal(value, 1000, 3) + "\xC2\xB5s";
  if (value < 1000000000) return sign + decimal(value, 1000000, 6) + "ms";
  constexpr std::uint64_t minute = 60000000000;
  std::string result = decimal(value % minute, 1000000000, 9) + "s";
  const std::uint64_t minutes = value / minute;
  if (minutes > 0) result = std::to_string(minutes % 60) + "m" + result;
  if (minutes >= 60) result = std::to_string(minutes / 60) + "h" + result;
  return sign + result;
}

}  // namespace slipway
