// A word read by the grammar of words. For .cpp files only.
#pragma once

#include <grammar/characters.hpp>
#include <grammar/stream.hpp>

#include <WordLexer.h>
#include <WordParser.h>

#include <optional>
#include <string_view>

namespace slipway::grammar {

struct WordMistake {
  enum class Kind { open_quote, open_brace, bad_substitution, bad_modifier, too_deep };
  Kind kind{};
  std::size_t begin = 0;  // bytes of the word
  std::size_t end = 0;
};

// How deep ${a:-${b:-...}} may go: the parser recurses, and nobody writes a tenth of it.
inline constexpr std::size_t deepest_word = 100;

// `text` must outlive this. Made on the stack, used and dropped: the tree lives in it.
class WordSyntax {
 public:
  WordSyntax(std::string_view text, CharacterRules rules);

  const std::optional<WordMistake>& mistake() const { return mistake_; }
  // Not to be called after a mistake.
  WordParser::WordContext& tree();
  const std::vector<antlr4::Token*>& tokens() { return token_list_; }

  std::size_t begin(const antlr4::Token& token) const;
  std::size_t end(const antlr4::Token& token) const;

 private:
  std::optional<WordMistake> find_mistake() const;

  Characters characters_;
  CharacterStream stream_;
  WordLexer lexer_;
  antlr4::CommonTokenStream tokens_;
  WordParser parser_;
  std::vector<antlr4::Token*> token_list_;
  std::optional<WordMistake> mistake_;
};

}  // namespace slipway::grammar
