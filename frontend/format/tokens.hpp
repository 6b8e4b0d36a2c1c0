// A Dockerfile as the lexer's tokens, hidden ones included: what an instruction is made of, and all
// that stands between.
#pragma once

#include <frontend/statements.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::format {

struct Token {
  enum class Kind {
    comment,       // a line of its own at the top level, with its line break; directives too
    blank,         // white space around instructions, flags and comments
    line_end,      // a line break outside of instructions
    continuation,  // the escape character at a line's end, with comments and blank lines behind it
    keyword,       // the first of an instruction
    flag,
    flags_end,    // --
    type,         // the word behind HEALTHCHECK's flags
    bracket,      // [ where arguments begin
    white_space,  // between words
    content,      // any other piece of the arguments
    instruction_end,
    heredoc_line,
    heredoc_end,
  };
  Kind kind = Kind::content;
  std::size_t begin = 0;  // bytes in the text
  std::size_t end = 0;
};

// One after the other, without a gap.
struct Tokens {
  std::vector<Token> list;
  char escape = '\\';
};

// `text` without a byte order mark. Total and linear.
Tokens tokens_of(std::string_view text);

// What a continuation holds, or several in a row.
struct Gap {
  bool broken = false;  // a line ends here
  std::vector<std::string_view> comments;

  // The comments of a continuation's text, without white space around them.
  void add(std::string_view continuation);
  void add(const Gap& next);
};

// A line of text that continuations divide, and what stands in the one before it.
struct Line {
  Gap before;
  std::string_view text;
};

// `part` is a part of `text`; `last` is what stands behind the last of its lines.
std::vector<Line> lines_of(std::string_view text, std::string_view part, char escape, Gap& last);

// Without ASCII's white space at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace slipway::format
