// Words, built by hand, for tests that need no parser.
#pragma once

#include <ir/word.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace slipway::testing {

inline Word word(std::vector<WordPart> parts, std::string text = "") {
  return Word{std::move(text), std::move(parts), {}};
}
inline Word word(const char* text) {
  return Word{text, {Literal{text, false}}, {}};
}

inline Literal in_quotes(std::string text) {
  return {std::move(text), true};
}
inline Literal plain(std::string text) {
  return {std::move(text), false};
}

inline Variable variable(std::string name, bool quoted = false) {
  Variable result;
  result.name = std::move(name);
  result.quoted = quoted;
  return result;
}

// ${name OP operand}; `op` as it is written, "//" with a replacement.
inline Variable variable(std::string name, const std::string& op, Word operand,
                         Word replacement = word("")) {
  using Operator = Variable::Operator;
  Variable result;
  result.name = std::move(name);
  result.colon = op.starts_with(':');
  const std::string bare = result.colon ? op.substr(1) : op;
  result.op = bare == "-"    ? Operator::default_value
              : bare == "+"  ? Operator::alternative
              : bare == "?"  ? Operator::required
              : bare == "#"  ? Operator::remove_prefix
              : bare == "##" ? Operator::remove_long_prefix
              : bare == "%"  ? Operator::remove_suffix
              : bare == "%%" ? Operator::remove_long_suffix
              : bare == "/"  ? Operator::replace_first
                             : Operator::replace_all;
  result.operand = std::make_shared<const Word>(std::move(operand));
  if (bare.starts_with('/'))
    result.replacement = std::make_shared<const Word>(std::move(replacement));
  return result;
}

}  // namespace slipway::testing
