#include "layout.hpp"

#include <cctype>

namespace slipway::fuzz {

std::string Layout::cased(std::string_view keyword) {
  std::string text(keyword);
  const std::size_t manner = choices_.below(6);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool small = manner == 4 || (manner == 5 && i > 0);
    if (small) text[i] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[i])));
  }
  return text;
}

std::string Layout::blank() {
  const std::string next = std::string(1, escape_) + "\n";
  switch (choices_.below(16)) {
    case 10: return "  ";
    case 11: return "\t";
    case 12: return " " + next + "    ";
    case 13: return " " + next + "# in between: " + escape_ + "\n \t";
    case 14: return " " + std::string(1, escape_) + " \t\n  # indented\n  ";
    case 15: return " " + next + " " + next + "\t";
    default: return " ";
  }
}

void Layout::comment() {
  static constexpr std::string_view comments[] = {
      "# a comment\n", "#\n", "\n", "   # indented, with a continuation that is none \\\n",
      "# gr\xc3\xb6\xc3\x9f" "e: ${x}\n", "\t\n", "#no blank\n#two lines\n"};
  text_ += choices_.one_of(comments);
}

void Layout::instruction(std::string_view keyword, const std::vector<std::string>& parts,
                         const std::vector<std::string>& bodies) {
  if (choices_.once_in(4)) comment();
  if (choices_.once_in(8)) text_ += choices_.once_in(2) ? "\t" : "  ";
  text_ += cased(keyword);
  for (const std::string& part : parts) text_ += blank() + part;
  if (choices_.once_in(8)) text_ += "  ";
  text_ += '\n';
  for (const std::string& body : bodies) text_ += body;
}

}  // namespace slipway::fuzz
