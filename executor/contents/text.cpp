#include <executor/contents/text.hpp>

#include <executor/contents/formats.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <algorithm>

namespace slipway {

bool take_line(std::string_view& text, std::string_view& line) {
  if (text.empty()) return false;
  const std::size_t end = std::min(text.find('\n'), text.size());
  line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

NamedValue named_value(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == line.npos) return {{}, line};
  return {line.substr(0, colon), without_blanks(line.substr(colon + 1))};
}

void ByteBudget::take(std::uint64_t bytes) {
  if (bytes > left) throw Error("too many bytes tell of packages, so it is left out");
  left -= bytes;
}

std::string field_text(std::string_view text, std::size_t most) {
  text = without_blanks(text);
  if (text.size() > most) {
    std::size_t cut = most;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
    text = text.substr(0, cut);
  }
  return printable(text);
}

}  // namespace slipway
