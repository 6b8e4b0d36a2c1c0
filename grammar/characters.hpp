// A text as the characters that a grammar sees.
//
// The lexers run on classes, not on code points: ANTLR caches its decisions for ASCII only, so
// that everything beyond would cost a hundred times as much, and which of \ and ` escapes is a
// directive's choice that no grammar can make. The text itself stays as it is, stray bytes too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::grammar {

struct CharacterRules {
  char escape = '\\';         // handed over as a backslash; the other one is an ordinary character
  bool quotes = true;         // false: ' and " are ordinary (the body of a heredoc)
  bool keep_letters = false;  // letters and digits beyond ASCII that may belong to a name show
  bool one_line = false;      // lines are joined already: at the end `escape` is ordinary
};

// `text` must outlive this. Indices count characters: code points, a stray byte counting as one.
class Characters {
 public:
  Characters(std::string_view text, CharacterRules rules);

  const std::u32string& classes() const { return classes_; }
  std::string_view text() const { return text_; }
  const CharacterRules& rules() const { return rules_; }
  // The byte at which a character begins; that of the end for any index behind it.
  std::size_t byte(std::size_t index) const;
  // The classes from `index` on under another escape character.
  std::u32string classes_from(std::size_t index, char escape) const;

 private:
  std::string_view text_;
  CharacterRules rules_;
  std::u32string classes_;
  std::vector<std::uint32_t> bytes_;  // per character; empty where every character is one byte
};

// One code point of UTF-8 at `offset`, which is inside the text; a byte that is no UTF-8 gives
// itself with `stray` set and `length` 1.
struct CodePoint {
  char32_t value = 0;
  std::size_t length = 1;
  bool stray = false;
};
CodePoint decode(std::string_view text, std::size_t offset);

// White space as Unicode has it, ASCII's included.
bool is_space(char32_t character);

// Beyond ASCII: of Unicode's general categories L and Nd.
bool is_letter(char32_t character);
bool is_digit(char32_t character);

}  // namespace slipway::grammar
