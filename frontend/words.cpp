#include <frontend/words.hpp>

#include <grammar/word_syntax.hpp>

#include <ir/error.hpp>

#include <utility>

namespace slipway {
namespace {

using grammar::WordLexer;
using grammar::WordMistake;
using grammar::WordParser;

// Turns a word's tree into parts. Recurses as deep as the tree, which deepest_word bounds.
class Builder {
 public:
  Builder(const Fragment& text, grammar::WordSyntax& syntax) : text_(text), syntax_(syntax) {}

  std::vector<WordPart> parts(const std::vector<WordParser::PartContext*>& parts, bool quoted) {
    std::vector<WordPart> built;
    for (auto* part : parts) add(*part, quoted, built);
    return built;
  }

 private:
  std::string_view slice(std::size_t begin, std::size_t end) const {
    return std::string_view(text_.text()).substr(begin, end - begin);
  }
  std::string_view slice(const antlr4::Token& token) const {
    return slice(syntax_.begin(token), syntax_.end(token));
  }

  static void add_text(std::vector<WordPart>& to, std::string_view text, bool quoted) {
    if (text.empty()) return;
    auto* last = to.empty() ? nullptr : std::get_if<Literal>(&to.back());
    if (last != nullptr && last->quoted == quoted) {
      last->text += text;
    } else {
      to.push_back(Literal{std::string(text), quoted});
    }
  }

  void add(WordParser::PartContext& part, bool quoted, std::vector<WordPart>& to) {
    if (auto* nested = part.doubleQuoted()) {
      const auto inner = parts(nested->part(), true);
      // "" is a word too: an empty literal that splitting must not lose.
      if (inner.empty()) to.push_back(Literal{"", true});
      for (const WordPart& each : inner) {
        if (const auto* literal = std::get_if<Literal>(&each)) {
          add_text(to, literal->text, true);
        } else {
          to.push_back(each);
        }
      }
      return;
    }
    if (auto* reference = part.variable()) {
      to.push_back(variable(*reference, quoted));
      return;
    }
    const antlr4::Token& token = *part.start;
    const std::string_view text = slice(token);
    switch (token.getType()) {
      case WordLexer::SINGLE_QUOTED:
        if (text.size() == 2) to.push_back(Literal{"", true});
        add_text(to, text.substr(1, text.size() - 2), true);
        break;
      case WordLexer::ESCAPED:
        add_text(to, text.substr(1), true);
        break;
      case WordLexer::LONE_ESCAPE:
        break;  // the last character escapes nothing and goes
      case WordLexer::PATTERN_ESCAPE:
        add_text(to, text, quoted);
        // Between double quotes, one that escapes nothing is doubled. So BuildKit reads it.
        if (text.size() == 1) add_text(to, text, quoted);
        break;
      default:
        add_text(to, text, quoted);
    }
  }

  std::shared_ptr<const Word> operand(const std::vector<WordParser::PartContext*>& list,
                                      std::size_t begin, std::size_t end, bool quoted) {
    return std::make_shared<const Word>(
        Word{std::string(slice(begin, end)), parts(list, quoted), text_.span(begin, end), false});
  }

  Variable variable(WordParser::VariableContext& context, bool quoted) {
    Variable variable;
    variable.quoted = quoted;
    const std::size_t begin = syntax_.begin(*context.start);
    variable.span = text_.span(begin, syntax_.end(*context.stop));
    if (auto* simple = context.VARIABLE()) {
      variable.name = slice(*simple->getSymbol()).substr(1);
      return variable;
    }
    // ${+word} names nothing, which is never set.
    if (auto* name = context.PARAMETER()) variable.name = slice(*name->getSymbol());
    const std::size_t close = syntax_.begin(*context.CLOSE_BRACE()->getSymbol());
    if (auto* replace = context.REPLACE()) {
      const antlr4::Token& token = *replace->getSymbol();
      const antlr4::Token& slash = *context.SLASH()->getSymbol();
      variable.op = slice(token) == "//" ? Variable::Operator::replace_all
                                         : Variable::Operator::replace_first;
      variable.operand =
          operand(context.pattern()->part(), syntax_.end(token), syntax_.begin(slash), quoted);
      variable.replacement =
          operand(context.replacement()->part(), syntax_.end(slash), close, quoted);
    } else if (auto* modifier = context.modifier()) {
      const antlr4::Token& token = *modifier->start;
      std::string_view sign = slice(token);
      variable.colon = sign.front() == ':';
      variable.op = operator_of(token.getType(), sign.size() == 2);
      variable.operand = operand(context.operand()->part(), syntax_.end(token), close, quoted);
    }
    return variable;
  }

  static Variable::Operator operator_of(std::size_t type, bool doubled) {
    switch (type) {
      case WordLexer::DEFAULT:
        return Variable::Operator::default_value;
      case WordLexer::ALTERNATIVE:
        return Variable::Operator::alternative;
      case WordLexer::REQUIRED:
        return Variable::Operator::required;
      case WordLexer::REMOVE_PREFIX:
        return doubled ? Variable::Operator::remove_long_prefix : Variable::Operator::remove_prefix;
      default:
        return doubled ? Variable::Operator::remove_long_suffix : Variable::Operator::remove_suffix;
    }
  }

  const Fragment& text_;
  grammar::WordSyntax& syntax_;
};

void report_mistake(const Fragment& text, const WordMistake& mistake, Report& report) {
  const SourceSpan span = text.span(mistake.begin, mistake.end);
  const std::string written =
      quoted(text.text().substr(mistake.begin, mistake.end - mistake.begin));
  switch (mistake.kind) {
    case WordMistake::Kind::open_quote:
      report.error(text.span(mistake.begin, mistake.begin + 1), "this quote does not end",
                   "close it, or put the escape character before it to mean the quote itself");
      break;
    case WordMistake::Kind::open_brace:
      report.error(span, "the } of ${ is missing");
      break;
    case WordMistake::Kind::bad_substitution:
      report.error(span, "bad substitution: no name of a variable behind ${ in " + written,
                   "to write ${ itself, put the escape character before the $");
      break;
    case WordMistake::Kind::bad_modifier:
      report.error(span, "unsupported modifier in the substitution " + written,
                   "there are - :- + :+ ? :? # ## % %% / //");
      break;
    case WordMistake::Kind::too_deep:
      report.error(span, "substitutions nest deeper than " + std::to_string(grammar::deepest_word) +
                             " levels");
      break;
  }
}

}  // namespace

Word plain_word(const Fragment& text) {
  Word word{text.text(), {}, text.span(), false};
  if (!text.empty()) word.parts.push_back(Literal{text.text(), false});
  return word;
}

Word read_word(const Fragment& text, char escape, Report& report, WordMode mode) {
  const bool quotes = mode == WordMode::quotes;
  const char special[] = {'$', escape, '\'', '"'};
  if (text.text().find_first_of(std::string_view(special, quotes ? 4 : 2)) == std::string::npos) {
    return plain_word(text);  // most words; the grammar is for the rest
  }
  grammar::WordSyntax syntax(text.text(),
                             {.escape = escape, .quotes = quotes, .keep_letters = true});
  if (syntax.mistake()) {
    report_mistake(text, *syntax.mistake(), report);
    Word word = plain_word(text);
    word.failed = true;
    return word;
  }
  return {text.text(), Builder(text, syntax).parts(syntax.tree().part(), false), text.span(),
          false};
}

}  // namespace slipway
