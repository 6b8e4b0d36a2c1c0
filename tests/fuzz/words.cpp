// One word: the first byte says how it is read, the rest is the word.
#include "target.hpp"

#include <frontend/words.hpp>
#include <ir/expand.hpp>

#include <algorithm>
#include <variant>

namespace slipway::fuzz {
namespace {

// What variables may add, and no more (ir/expand.cpp), for a word and for each variable of it.
constexpr std::size_t largest_value = 1 << 20;

Scope scope() {
  Scope scope;
  scope.set("A", "one");
  scope.set("B", "a*b?c [d] \\e $A");
  scope.set("EMPTY", "");
  scope.set("P", "/usr/lib/größe.tar.gz");
  return scope;
}

void require_parts(const Word& word, const SourceFile& file, std::size_t depth) {
  require(depth <= 200, "a word is as deep as the reader of words allows");
  if (!word.text.empty()) require_inside(word.span, file);
  for (const WordPart& part : word.parts) {
    const auto* variable = std::get_if<Variable>(&part);
    if (variable == nullptr) continue;
    require(!variable->name.empty() || variable->op != Variable::Operator::none,
            "a variable has a name, or an operator as in ${+w}");
    require_inside(variable->span, file);
    require((variable->op != Variable::Operator::none) == (variable->operand != nullptr),
            "an operator has an operand");
    if (variable->operand != nullptr) require_parts(*variable->operand, file, depth + 1);
    if (variable->replacement != nullptr) require_parts(*variable->replacement, file, depth + 1);
  }
}

// White space that is not quoted splits, and nothing but that goes.
void require_split(const Word& word, const Scope& scope, const std::string& whole) {
  const auto blanks_gone = [](std::string text) {
    std::erase_if(text, [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); });
    return text;
  };
  std::string joined;
  for (const std::string& each : expand_list(word, scope)) joined += each;
  require(blanks_gone(joined) == blanks_gone(whole), "splitting a value loses nothing of it");
}

void try_word(const Word& word, const SourceFile& file) {
  static const Scope variables = scope();
  try {
    const Expansion expansion = expand(word, variables);
    require(expansion.text.size() <= word.text.size() + largest_value, "a value is bounded");
    for (const auto& [name, place] : expansion.unset) {
      require(expansion.used.contains(name), "what is unset was read");
      require(!variables.find(name), "what is unset has no value");
    }
    require_split(word, variables, expansion.text);
  } catch (const Error& error) {
    require_shown(error, file);
  } catch (const UnknownValue&) {
    require(word.failed, "only a word with a mistake has no value where every variable is known");
  }
}

}  // namespace

void try_input(std::string_view input) {
  if (input.empty()) return;
  const char escape = (input[0] & 1) != 0 ? '`' : '\\';
  const WordMode mode = (input[0] & 2) != 0 ? WordMode::raw_quotes : WordMode::quotes;
  const auto file = file_of(input.substr(1));
  const Fragment text(std::make_shared<const Lines>(file));
  Report report;
  const Word word = read_word(text, escape, report, mode);
  for (const Diagnostic& each : report.errors()) require_shown(each, "error", *file);
  require(word.text == file->text, "a word keeps its text");
  require_parts(word, *file, 0);
  try_word(word, *file);
}

}  // namespace slipway::fuzz
