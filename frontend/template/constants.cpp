#include <frontend/template/constants.hpp>

#include <ir/code_point.hpp>
#include <ir/error.hpp>

#include <charconv>
#include <cstdint>
#include <limits>
#include <utility>

namespace slipway {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

class Reader {
 public:
  Reader(std::string_view text, std::size_t at) : text_(text), at_(at) {}

  TemplateConstant read() {
    const char c = text_[at_];
    Value value = c == '"'    ? Value(ValueText{quoted_string(), false})
                  : c == '`'  ? Value(ValueText{raw_string(), false})
                  : c == '\'' ? Value(character())
                              : number();
    return {std::move(value), at_};
  }

 private:
  [[noreturn]] void fail(std::size_t offset, std::string message, std::size_t length = 1) const {
    throw TemplateMistake{offset, length, std::move(message)};
  }

  bool looking_at(std::string_view word) const { return text_.substr(at_).starts_with(word); }

  std::string raw_string() {
    const std::size_t end = text_.find('`', at_ + 1);
    if (end == text_.npos) fail(at_, "the string does not end");
    std::string text(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return text;
  }

  // The value behind a backslash at at_, in a string or a character.
  void escape(std::string& text, char quote) {
    const std::size_t start = at_++;
    if (at_ >= text_.size()) fail(start, "the string does not end");
    const char c = text_[at_++];
    static constexpr std::string_view names = "abfnrtv\\";
    static constexpr std::string_view values = "\a\b\f\n\r\t\v\\";
    if (const std::size_t found = names.find(c); found != names.npos) {
      text += values[found];
      return;
    }
    if (c == quote) {
      text += c;
      return;
    }
    const bool octal = c >= '0' && c <= '7';
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : octal ? 3 : 0;
    if (octal) --at_;
    const std::string_view piece = text_.substr(at_, digits);
    std::uint32_t value = 0;
    const auto read =
        std::from_chars(piece.data(), piece.data() + piece.size(), value, octal ? 8 : 16);
    const bool whole = digits > 0 && piece.size() == digits && read.ec == std::errc() &&
                       read.ptr == piece.data() + piece.size();
    const bool fits =
        octal || c == 'x' ? value <= 0xFF : value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
    if (!whole || !fits) fail(start, "no such escape is known", 2);
    at_ += digits;
    if (octal || c == 'x') {
      text += static_cast<char>(value);
    } else {
      put_utf8(text, value);
    }
  }

  std::string quoted_string() {
    const std::size_t start = at_++;
    std::string text;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\n') break;
      if (text_[at_] == '\\') {
        escape(text, '"');
      } else {
        text += text_[at_++];
      }
    }
    if (!looking_at("\"")) fail(start, "the string does not end");
    ++at_;
    return text;
  }

  std::int64_t character() {
    const std::size_t start = at_++;
    std::string text;
    if (at_ < text_.size() && text_[at_] == '\\') {
      escape(text, '\'');
    } else if (at_ < text_.size() && text_[at_] != '\'' && text_[at_] != '\n') {
      const std::size_t length = decode(text_.substr(at_)).length;
      text = text_.substr(at_, length);
      at_ += length;
    }
    if (text.empty() || !looking_at("'")) fail(start, "a character is one letter between quotes");
    ++at_;
    return static_cast<std::int64_t>(decode(text).value);
  }

  Value number() {
    const std::size_t start = at_;
    std::size_t end = at_ + (text_[at_] == '+' || text_[at_] == '-' ? 1 : 0);
    const bool negative = text_[at_] == '-';
    const std::size_t first = end;
    while (end < text_.size() &&
           (is_letter(text_[end]) || text_[end] == '.' ||
            ((text_[end] == '+' || text_[end] == '-') && (text_[end - 1] | 0x20) == 'e' &&
             !text_.substr(first).starts_with("0x"))))
      ++end;
    const std::string_view digits = text_.substr(first, end - first);
    at_ = end;
    int base = 10;
    std::string_view plain = digits;
    if (digits.size() > 2 && digits[0] == '0') {
      const char mark = static_cast<char>(digits[1] | 0x20);
      base = mark == 'x' ? 16 : mark == 'b' ? 2 : mark == 'o' ? 8 : 10;
      if (base != 10) plain.remove_prefix(2);
    }
    std::uint64_t value = 0;
    const char* last = plain.data() + plain.size();
    const auto read = std::from_chars(plain.data(), last, value, base);
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (!plain.empty() && read.ec == std::errc() && read.ptr == last && value <= most)
      return negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
    double real = 0;
    const auto read_real = std::from_chars(digits.data(), digits.data() + digits.size(), real);
    if (base == 10 && !digits.empty() && (is_digit(digits[0]) || digits[0] == '.') &&
        read_real.ec == std::errc() && read_real.ptr == digits.data() + digits.size())
      return negative ? -real : real;
    fail(start, quoted(text_.substr(start, end - start)) + " is not a number", end - start);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

void put_utf8(std::string& text, std::uint32_t value) {
  if (value < 0x80) {
    text += static_cast<char>(value);
    return;
  }
  const int more = value < 0x800 ? 1 : value < 0x10000 ? 2 : 3;
  const std::uint32_t mark = more == 1 ? 0xC0 : more == 2 ? 0xE0 : 0xF0;
  text += static_cast<char>(mark | value >> (6 * more));
  for (int i = more - 1; i >= 0; --i) text += static_cast<char>(0x80 | (value >> (6 * i) & 0x3F));
}

std::variant<TemplateConstant, TemplateMistake> read_constant(std::string_view text,
                                                              std::size_t at) {
  try {
    return Reader(text, at).read();
  } catch (const TemplateMistake& mistake) {
    return mistake;
  }
}

}  // namespace slipway
