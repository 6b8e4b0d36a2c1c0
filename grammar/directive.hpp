// Parser directives: the `# name=value` lines at the top (docs/reference.md, "Parser directives").
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::grammar {

struct DirectiveText {
  std::string name;             // lower case
  std::string_view value;       // without white space around it
  std::size_t name_begin = 0;   // bytes in the comment
  std::size_t value_begin = 0;
};

// The comment as a directive, if its shape and its name (syntax, escape, check) make it one.
std::optional<DirectiveText> directive_of(std::string_view comment);

}  // namespace slipway::grammar
