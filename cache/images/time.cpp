#include <cache/images/time.hpp>

#include <ir/quantities.hpp>

#include <charconv>
#include <chrono>
#include <ctime>
#include <string>

namespace slipway {
namespace {

// Reads what it expects from the front, and fails for good at the first thing it does not.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  int digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value * 10 + digit();
    return value;
  }
  void expect(char c) {
    if (!accept(c)) good_ = false;
  }
  bool accept(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_digits() {
    digit();
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') rest_.remove_prefix(1);
  }
  bool finished() const { return good_ && rest_.empty(); }

 private:
  int digit() {
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') {
      good_ = false;
      return 0;
    }
    const int value = rest_.front() - '0';
    rest_.remove_prefix(1);
    return value;
  }

  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view text) {
  Reader reader(text);
  const int year = reader.digits(4);
  reader.expect('-');
  const int month = reader.digits(2);
  reader.expect('-');
  const int day = reader.digits(2);
  reader.expect('T');
  const int hour = reader.digits(2);
  reader.expect(':');
  const int minute = reader.digits(2);
  reader.expect(':');
  const int second = reader.digits(2);
  if (reader.accept('.')) reader.skip_digits();
  int offset = 0;  // minutes east of UTC
  if (!reader.accept('Z')) {
    const bool west = reader.accept('-');
    if (!west) reader.expect('+');
    const int hours = reader.digits(2);
    reader.expect(':');
    const int minutes = reader.digits(2);
    if (hours > 23 || minutes > 59) return std::nullopt;
    offset = (hours * 60 + minutes) * (west ? -1 : 1);
  }
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  // 60: a leap second.
  if (!reader.finished() || !date.ok() || hour > 23 || minute > 59 || second > 60)
    return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86400 + hour * 3600 + (minute - offset) * 60 + second;
}

namespace {

// The zone behind a time, which may have a sign after the last "-" of its date; empty: none.
std::string_view zone_of(std::string_view text) {
  if (text.ends_with('Z') || text.ends_with('z')) return text.substr(text.size() - 1);
  if (text.size() < 6) return {};
  const std::string_view end = text.substr(text.size() - 6);
  const bool offset = (end[0] == '+' || end[0] == '-') && end[3] == ':' && text.size() >= 16;
  return offset ? end : std::string_view();
}

std::optional<std::int64_t> read_date(std::string_view text) {
  const std::string_view zone = zone_of(text);
  std::string whole(text.substr(0, text.size() - zone.size()));
  static constexpr std::string_view midnight = "T00:00:00";
  const std::size_t hour = whole.find('T');
  if (hour == whole.npos) {
    whole += midnight;
  } else if (const std::size_t clock = whole.size() - hour; clock == 3 || clock == 6) {
    whole += midnight.substr(clock);  // "T12", "T12:30"
  }
  if (!zone.empty()) return parse_time(whole + (zone.size() == 1 ? "Z" : std::string(zone)));
  const std::optional<std::int64_t> there = parse_time(whole + "Z");
  if (!there) return std::nullopt;
  // The same clock in the machine's zone.
  const std::time_t seconds = *there;
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return std::nullopt;
  parts.tm_isdst = -1;
  return std::mktime(&parts);
}

}  // namespace

std::optional<std::int64_t> read_moment(std::string_view text, std::int64_t now) {
  constexpr std::int64_t nanoseconds = 1'000'000'000;
  if (text.ends_with('d'))
    if (const auto days = read_number(text.substr(0, text.size() - 1), 10))
      return now - std::int64_t{*days} * 24 * 60 * 60;
  if (text != "0")
    if (const auto duration = read_duration(text)) return now - *duration / nanoseconds;
  if (const auto date = read_date(text)) return date;
  std::int64_t seconds = 0;
  const std::string_view whole = text.substr(0, text.find('.'));
  const auto read = std::from_chars(whole.data(), whole.data() + whole.size(), seconds);
  const bool fraction = whole.size() == text.size() ||
                        text.substr(whole.size() + 1).find_first_not_of("0123456789") == text.npos;
  if (whole.empty() || read.ec != std::errc() || read.ptr != whole.data() + whole.size() ||
      !fraction)
    return std::nullopt;
  return seconds;
}

}  // namespace slipway
