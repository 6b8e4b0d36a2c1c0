// Parser directives: the `# name=value` lines at the top (docs/reference.md, "Parser directives").
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::grammar {

struct DirectiveText {
  std::string name;            // lower case
  std::string_view value;      // without white space around it
  std::size_t name_begin = 0;  // bytes in the line
  std::size_t value_begin = 0;
};

// A line, without its line break, as a directive, if its shape and its name (syntax, escape, check)
// make it one. It begins with `sign`.
std::optional<DirectiveText> directive_of(std::string_view line, std::string_view sign = "#");

// A directive in the text it heads.
struct HeadDirective {
  DirectiveText directive;
  std::size_t begin = 0;  // bytes in the text: of its line, without the line break
  std::size_t end = 0;
};

// The directives at the head of a text (behind a byte order mark), as they are looked for before a
// frontend is chosen, which is not as the parser sees them: none is indented, a first line `#!...`
// may stand before them, and a repeated one ends them.
std::vector<HeadDirective> head_directives(std::string_view text, std::string_view sign = "#");

// Where a text goes on behind a first line that begins with #!
std::size_t behind_shebang(std::string_view text);

}  // namespace slipway::grammar
