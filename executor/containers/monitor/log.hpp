// What the program prints, in the container's log: lines "TIME STREAM FLAG bytes", as the log of a
// container in Kubernetes has them. TIME is RFC 3339's with nine digits, in UTC; STREAM stdout or
// stderr; FLAG F, or P for bytes behind which the program has not ended its line yet.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slipway::monitor {

constexpr std::size_t time_size = 30;  // "2026-11-30T20:08:27.123456789Z"

// Writes that many bytes.
inline void write_time(char* to, std::int64_t seconds, std::int64_t nanoseconds) {
  std::int64_t days = seconds / 86400;
  std::int64_t rest = seconds % 86400;
  // Days since 0000-03-01, in eras of 400 years.
  days += 719468;
  const std::int64_t era = days / 146097;
  const std::int64_t day_of_era = days % 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t from_march = (5 * day_of_year + 2) / 153;
  const std::int64_t day = day_of_year - (153 * from_march + 2) / 5 + 1;
  const std::int64_t month = from_march < 10 ? from_march + 3 : from_march - 9;
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  const auto put = [&to](std::int64_t value, int digits, char behind) {
    for (int i = digits; i-- > 0; value /= 10) to[i] = static_cast<char>('0' + value % 10);
    to += digits;
    *to++ = behind;
  };
  put(year, 4, '-');
  put(month, 2, '-');
  put(day, 2, 'T');
  put(rest / 3600, 2, ':');
  rest %= 3600;
  put(rest / 60, 2, ':');
  put(rest % 60, 2, '.');
  put(nanoseconds, 9, 'Z');
}

class Log {
 public:
  // `folder`: of the container. Nothing is opened before there is something to write.
  explicit Log(int folder) : folder_(folder) {}
  // What was read at once. A disk that is full loses it, and the program goes on.
  void write(bool error, const char* bytes, std::size_t size);

 private:
  int folder_;
  int file_ = -1;
  bool torn_ = false;  // only a part of the last write fitted onto the disk
};

}  // namespace slipway::monitor
