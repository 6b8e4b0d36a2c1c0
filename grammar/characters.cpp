#include <grammar/characters.hpp>

#include <algorithm>

namespace slipway::grammar {
namespace {

constexpr char32_t ordinary = 0x01;
constexpr char32_t other_letter = 0x02;  // beyond ASCII, where it may belong to a name
constexpr char32_t other_digit = 0x03;
constexpr char32_t other_space = 0x1f;

bool belongs_to_name(char32_t character) {
  return character == other_letter || character == other_digit || character == '_' ||
         character == '$' || character == '{' || (character >= '0' && character <= '9') ||
         (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

char32_t class_of(const CodePoint& point, char32_t previous, const CharacterRules& rules) {
  const char32_t value = point.value;
  if (point.stray) return ordinary;
  if (value >= 0x80) {
    if (rules.keep_letters && belongs_to_name(previous)) {
      if (is_letter(value)) return other_letter;
      if (is_digit(value)) return other_digit;
    }
    return is_space(value) ? other_space : ordinary;
  }
  if (value == '\\' || value == '`') {
    if (value == static_cast<unsigned char>(rules.escape)) return '\\';
    return ordinary;
  }
  if (!rules.quotes && (value == '"' || value == '\'')) return ordinary;
  if (value <= other_digit || value == other_space) return ordinary;
  return value;
}

}  // namespace

CodePoint decode(std::string_view text, std::size_t offset) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return {first, 1, false};
  const CodePoint stray{first, 1, true};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length == 0 || first > 0xf4 || offset + length > text.size()) return stray;
  char32_t value = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return stray;
    value = value << 6 | (at(i) & 0x3fU);
  }
  // Too long for its value, half of a pair, or beyond Unicode: each byte stands for itself.
  const bool valid = (length == 2 || (length == 3 && value >= 0x800) ||
                      (length == 4 && value >= 0x10000 && value <= 0x10ffff)) &&
                     (value < 0xd800 || value > 0xdfff);
  return valid ? CodePoint{value, length, false} : stray;
}

bool is_space(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0d) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

Characters::Characters(std::string_view text, CharacterRules rules) : text_(text), rules_(rules) {
  const bool ascii = std::all_of(text.begin(), text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  classes_.reserve(text.size());
  if (!ascii) bytes_.reserve(text.size());
  char32_t previous = 0;
  for (std::size_t offset = 0; offset < text.size();) {
    const CodePoint point = decode(text, offset);
    if (!ascii) bytes_.push_back(static_cast<std::uint32_t>(offset));
    previous = class_of(point, previous, rules_);
    classes_.push_back(previous);
    offset += point.length;
  }
  if (rules_.one_line && text.ends_with(rules_.escape)) classes_.back() = ordinary;
}

std::size_t Characters::byte(std::size_t index) const {
  if (index >= classes_.size()) return text_.size();
  return bytes_.empty() ? index : bytes_[index];
}

std::u32string Characters::classes_from(std::size_t index, char escape) const {
  CharacterRules rules = rules_;
  rules.escape = escape;
  return Characters(text_.substr(byte(index)), rules).classes();
}

}  // namespace slipway::grammar
