#include "table.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t gap = 3;
constexpr std::size_t narrowest = 10;  // with the gap

std::string size_with_digits(std::uint64_t bytes, int digits) {
  static constexpr std::array units = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < units.size(); ++unit) value /= 1000;
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.*g%s", digits, value, units[unit]);
  // 999.6 of three digits rounds up to four, which %g would write as 1e+03.
  if (value >= (digits == 3 ? 999.5 : 999.95) && unit + 1 < units.size())
    std::snprintf(text.data(), text.size(), "1%s", units[unit + 1]);
  return text.data();
}

std::string formatted(std::int64_t time, const char* format) {
  const std::time_t seconds = time;
  std::tm parts{};
  if (::localtime_r(&seconds, &parts) == nullptr) return "N/A";
  std::array<char, 128> text;
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

}  // namespace

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      const std::size_t whole = std::max(widths[i] + gap, narrowest);
      if (i + 1 < row.size()) text.append(whole - width_of(row[i]), ' ');
    }
    text += '\n';
  }
  return text;
}

std::string shortened(const std::string& text, std::size_t places) {
  std::size_t characters = 0;
  std::size_t cut = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (characters == places - 1) cut = i;
    if (++characters > places) return text.substr(0, cut) + "…";
  }
  return text;
}

std::string size_text(std::uint64_t bytes) {
  return size_with_digits(bytes, 3);
}

std::string sum_text(std::uint64_t bytes) {
  return size_with_digits(bytes, 4);
}

std::string age_text(std::int64_t time, std::int64_t now) {
  if (time == 0) return "N/A";
  if (time > now) return "in the future";
  const std::int64_t seconds = now - time;
  const std::int64_t minutes = seconds / 60;
  // As docker rounds: up to a day to the nearest hour, then down.
  const std::int64_t hours = (seconds + 1800) / 3600;
  if (seconds < 1) return "Less than a second ago";
  if (seconds == 1) return "1 second ago";
  if (seconds < 60) return std::to_string(seconds) + " seconds ago";
  if (minutes == 1) return "About a minute ago";
  if (minutes < 60) return std::to_string(minutes) + " minutes ago";
  if (hours == 1) return "About an hour ago";
  if (hours < 48) return std::to_string(hours) + " hours ago";
  if (hours < 24 * 7 * 2) return std::to_string(hours / 24) + " days ago";
  if (hours < 24 * 30 * 2) return std::to_string(hours / 24 / 7) + " weeks ago";
  if (hours < 24 * 365 * 2) return std::to_string(hours / 24 / 30) + " months ago";
  return std::to_string(hours / 24 / 365) + " years ago";
}

std::string time_text(std::int64_t time) {
  const std::time_t seconds = time;
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return "N/A";
  std::array<char, 64> text;
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), length};
}

std::string local_time_text(std::int64_t time) {
  std::string text = formatted(time, "%Y-%m-%dT%H:%M:%S%z");
  if (text.ends_with("+0000")) {
    text.resize(text.size() - 5);
    text += 'Z';
  } else if (text.size() > 2) {
    text.insert(text.size() - 2, 1, ':');
  }
  return text;
}

std::string go_time_text(std::int64_t time) {
  return formatted(time, "%Y-%m-%d %H:%M:%S %z %Z");
}

}  // namespace slipway
