#include "random_words.hpp"

namespace slipway::fuzz {

std::string_view RandomWords::literal() {
  static constexpr std::string_view literals[] = {
      "a",   "b.c", "v1.2-3", "x_y", "gr\xc3\xb6\xc3\x9f" "e", "0",    "etc/app.conf",
      "a:b", "%d",  "q+r",    "@",   "{}",                     "100%", "~"};
  return choices_.one_of(literals);
}

std::string RandomWords::spelt(const std::string& value) {
  switch (choices_.below(6)) {
    case 3: return '"' + value + '"';
    case 4: return "'" + value + "'";
    case 5: return "${UNSET:-" + value + "}";
    default: return value;
  }
}

std::string RandomWords::operand(std::size_t depth) {
  switch (choices_.below(6)) {
    case 1: return "";
    case 2: return '"' + std::string(literal()) + '"';
    case 3: return "'" + std::string(literal()) + "'";
    case 4: return depth > 0 ? variable(depth - 1) : "deep";
    case 5: return "{x";
    default: return "plain";
  }
}

std::string RandomWords::pattern(std::size_t depth) {
  static constexpr std::string_view patterns[] = {"*", "a*", "?", "*.", "b", "[", "o?e", "\"x\"", "'*'"};
  const std::size_t chosen = choices_.below(std::size(patterns) + 2);
  if (chosen < std::size(patterns)) return std::string(patterns[chosen]);
  if (chosen == std::size(patterns) && !in_trigger) return std::string(1, escape_) + "*";
  return depth > 0 && !known.empty() ? "$" + std::string(choices_.one_of(known)) : "c";
}

std::string RandomWords::variable(std::size_t depth) {
  const bool sure = !known.empty() && !in_trigger && !choices_.once_in(3);
  const std::string name = sure ? choices_.one_of(known) : "UNSET";
  const std::string open = "${" + name;
  switch (choices_.below(16)) {
    case 1: return open + "}";
    case 2: return open + "-" + operand(depth) + "}";
    case 3: return open + ":-" + operand(depth) + "}";
    case 4: return open + "+" + operand(depth) + "}";
    case 5: return open + ":+" + operand(depth) + "}";
    case 6: return open + (sure ? "?" : "-") + operand(depth) + "}";
    case 7: return open + (sure ? ":?" : ":-") + operand(depth) + "}";
    case 8: return open + "#" + pattern(depth) + "}";
    case 9: return open + "##" + pattern(depth) + "}";
    case 10: return open + "%" + pattern(depth) + "}";
    case 11: return open + "%%" + pattern(depth) + "}";
    case 12: return open + "/" + pattern(depth) + "/" + operand(depth) + "}";
    case 13: return open + "//" + pattern(depth) + "/" + operand(depth) + "}";
    case 14: return "$UNSET";
    default: return "$" + name;
  }
}

std::string RandomWords::piece(bool blanks, std::size_t depth) {
  switch (choices_.below(8)) {
    case 2: return variable(depth);
    case 3: return '"' + std::string(literal()) + (blanks ? " " : "") + variable(depth) + '"';
    case 4: return blanks ? "'in quotes $UNSET'" : "'$UNSET'";
    case 5: return in_trigger ? "none" : std::string(1, escape_) + "$UNSET";
    case 6: return in_trigger || !blanks ? "" : std::string(1, escape_) + " b";
    case 7: return "\"\"";
    default: return std::string(literal());
  }
}

std::string RandomWords::word(bool blanks) {
  std::string text;
  for (std::size_t left = choices_.below(3); left > 0; --left) text += piece(blanks, 2);
  text += literal();
  if (choices_.once_in(3)) text += piece(blanks, 2);
  return text;
}

std::string RandomWords::json_string(bool plain) {
  static constexpr std::string_view plain_strings[] = {"a", "some words", "gr\xc3\xb6\xc3\x9f" "e",
                                                       "\\u0041\\u00e9", "b/c", "x\\/y"};
  static constexpr std::string_view strings[] = {"-c", "$HOME \\\"q\\\" 'r'", "\\n\\t", "\\\\", "",
                                                 "\\ud83d\\ude00", "${", "[]{},:", "# no comment"};
  return plain || choices_.once_in(2) ? '"' + std::string(choices_.one_of(plain_strings)) + '"'
                                      : '"' + std::string(choices_.one_of(strings)) + '"';
}

std::vector<std::string> RandomWords::json_array(std::size_t least, bool plain) {
  const std::size_t count = least + choices_.below(3);
  if (count == 0) return {"[]"};
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < count; ++i) {
    parts.push_back((i == 0 ? "[" : "") + json_string(plain) + (i + 1 == count ? "]" : ","));
  }
  if (choices_.once_in(4)) parts.insert(parts.end() - 1, "");
  return parts;
}

}  // namespace slipway::fuzz
