// Short texts without a C library: paths below /proc, and the numbers in its files.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slipway::init {

// Appends to an array; what does not fit is cut off, which no caller's array is too short for.
class Text {
 public:
  Text(char* to, std::size_t size) : to_(to), left_(size - 1) { *to_ = 0; }
  Text& add(const char* text) {
    for (; *text != 0; ++text) put(*text);
    return *this;
  }
  Text& add(std::uint64_t number) {
    char digits[20];
    std::size_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    while (count > 0) put(digits[--count]);
    return *this;
  }

 private:
  void put(char c) {
    if (left_ == 0) return;
    --left_;
    *to_++ = c;
    *to_ = 0;
  }
  char* to_;
  std::size_t left_;
};

// Reads digits and leaves `text` behind them.
inline std::uint64_t read_number(const char*& text) {
  std::uint64_t value = 0;
  for (; *text >= '0' && *text <= '9'; ++text) {
    value = value * 10 + static_cast<std::uint64_t>(*text - '0');
  }
  return value;
}

}  // namespace slipway::init
