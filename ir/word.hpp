// Words: the units of a Dockerfile that variables are replaced in.
//
// The frontend reads a word once, into parts; expand() (expand.hpp) evaluates it in a scope. The
// two are apart because a word is written once and evaluated per stage, per build argument.
#pragma once

#include <ir/source.hpp>

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace slipway {

struct Word;

// In a pattern (operand of remove_*, replace_*) and in a replacement only the quotes are taken away:
// an escape stays, with the character behind it, because expand() reads it as part of the pattern
// (${v#\*} removes a star; ${v/\//x} has the pattern \/). So BuildKit does.
struct Literal {
  std::string text;     // with quotes and escapes taken away
  bool quoted = false;  // came out of quotes or an escape: never split
};

// $name, ${name} and the forms with an operator (reference.md#environment-replacement).
struct Variable {
  enum class Operator {
    none,                 // $v ${v}
    default_value,        // ${v-w}   with colon: ${v:-w}
    alternative,          // ${v+w}   ${v:+w}
    required,             // ${v?m}   ${v:?m}
    remove_prefix,        // ${v#p}
    remove_long_prefix,   // ${v##p}
    remove_suffix,        // ${v%p}
    remove_long_suffix,   // ${v%%p}
    replace_first,        // ${v/p/r}
    replace_all,          // ${v//p/r}
  };
  std::string name;
  Operator op = Operator::none;
  bool colon = false;                         // an empty value counts as unset
  std::shared_ptr<const Word> operand;        // w, m or p; null for none
  std::shared_ptr<const Word> replacement;    // r; null for all but replace_*
  bool quoted = false;                        // stands between double quotes: never split
  SourceSpan span;
};

using WordPart = std::variant<Literal, Variable>;

struct Word {
  std::string text;  // exactly as written, continuations joined
  std::vector<WordPart> parts;
  SourceSpan span;
  bool failed = false;  // a mistake was found in it: it has no value
};

}  // namespace slipway
