#include <grammar/word_syntax.hpp>

namespace slipway::grammar {

WordSyntax::WordSyntax(std::string_view text, CharacterRules rules)
    : characters_(text, rules), stream_(characters_), lexer_(&stream_), tokens_(&lexer_),
      parser_(&tokens_) {
  lexer_.removeErrorListeners();
  parser_.removeErrorListeners();
  tokens_.fill();
  token_list_ = tokens_.getTokens();
  mistake_ = find_mistake();
}

std::size_t WordSyntax::begin(const antlr4::Token& token) const {
  return characters_.byte(token.getStartIndex());
}

std::size_t WordSyntax::end(const antlr4::Token& token) const {
  return characters_.byte(token.getStopIndex() + 1);
}

// The lexer's modes see to it that brackets and quotes nest, so what is wrong shows in the tokens;
// the parser, which then only has to build the tree, need not invent messages.
std::optional<WordMistake> WordSyntax::find_mistake() const {
  using Kind = WordMistake::Kind;
  std::vector<const antlr4::Token*> open;
  for (const antlr4::Token* token : token_list_) {
    const auto mistake = [&](Kind kind, const antlr4::Token& from) {
      return WordMistake{kind, begin(from), end(*token)};
    };
    switch (token->getType()) {
      case WordLexer::OPEN_SINGLE:
        return mistake(Kind::open_quote, *token);
      case WordLexer::MISPLACED: {
        const antlr4::Token* before = token_list_[token->getTokenIndex() - 1];
        const bool named = before->getType() == WordLexer::PARAMETER;
        return mistake(named ? Kind::bad_modifier : Kind::bad_substitution, *open.back());
      }
      case WordLexer::OPEN_DOUBLE:
      case WordLexer::OPEN_BRACE:
        open.push_back(token);
        if (open.size() > deepest_word) return mistake(Kind::too_deep, *token);
        break;
      case WordLexer::CLOSE_DOUBLE:
      case WordLexer::CLOSE_BRACE:
        open.pop_back();
        break;
      case antlr4::Token::EOF:
        if (open.empty()) break;
        return WordMistake{open.back()->getType() == WordLexer::OPEN_DOUBLE ? Kind::open_quote
                                                                            : Kind::open_brace,
                           begin(*open.back()), characters_.text().size()};
      default:
        break;
    }
  }
  return std::nullopt;
}

WordParser::WordContext& WordSyntax::tree() {
  parser_.getInterpreter<antlr4::atn::ParserATNSimulator>()->setPredictionMode(
      antlr4::atn::PredictionMode::SLL);
  return *parser_.word();
}

}  // namespace slipway::grammar
