#include <frontend/statements.hpp>

#include <frontend/cache_directive.hpp>

#include <grammar/characters.hpp>
#include <grammar/directive.hpp>
#include <grammar/joined.hpp>
#include <grammar/lexer_base.hpp>
#include <grammar/stream.hpp>

#include <DockerfileLexer.h>
#include <DockerfileParser.h>

#include <algorithm>
#include <string_view>

namespace slipway {
namespace {

using antlr4::tree::ParseTree;
using grammar::DockerfileLexer;
using grammar::DockerfileParser;

Keyword keyword_of(std::size_t rule) {
  switch (rule) {
    case DockerfileParser::RuleFrom:
      return Keyword::from;
    case DockerfileParser::RuleArg:
      return Keyword::arg;
    case DockerfileParser::RuleEnv:
      return Keyword::env;
    case DockerfileParser::RuleLabel:
      return Keyword::label;
    case DockerfileParser::RuleRun:
      return Keyword::run;
    case DockerfileParser::RuleCopy:
      return Keyword::copy;
    case DockerfileParser::RuleAdd:
      return Keyword::add;
    case DockerfileParser::RuleWorkdir:
      return Keyword::workdir;
    case DockerfileParser::RuleUser:
      return Keyword::user;
    case DockerfileParser::RuleCmd:
      return Keyword::cmd;
    case DockerfileParser::RuleEntrypoint:
      return Keyword::entrypoint;
    case DockerfileParser::RuleShell:
      return Keyword::shell;
    case DockerfileParser::RuleExpose:
      return Keyword::expose;
    case DockerfileParser::RuleVolume:
      return Keyword::volume;
    case DockerfileParser::RuleStopsignal:
      return Keyword::stopsignal;
    case DockerfileParser::RuleHealthcheck:
      return Keyword::healthcheck;
    case DockerfileParser::RuleOnbuild:
      return Keyword::onbuild;
    case DockerfileParser::RuleMaintainer:
      return Keyword::maintainer;
    default:
      return Keyword::unknown;
  }
}

// The parser's complaints. The grammar takes every sequence of tokens the lexer can give, so there
// should be none; if there is one, it must not pass for an empty file.
class Complaints final : public antlr4::BaseErrorListener {
 public:
  void syntaxError(antlr4::Recognizer*, antlr4::Token* offending, std::size_t, std::size_t,
                   const std::string&, std::exception_ptr) override {
    if (first == nullptr) first = offending;
  }
  const antlr4::Token* first = nullptr;
};

// Without an escape character at the end of the line that has nothing left to escape; between
// single quotes it is a character like others.
Fragment without_last_escape(const Fragment& word, char escape) {
  const std::string& text = word.text();
  char quote = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == escape && quote != '\'') {
      if (++at == text.size()) return word.slice(0, at - 1);
    } else if (quote != 0 ? c == quote : c == '"' || c == '\'') {
      quote = quote != 0 ? '\0' : c;
    }
  }
  return word;
}

// Where white space of any kind begins.
std::size_t first_space(const std::string& text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const grammar::CodePoint point = grammar::decode(text, at);
    if (!point.stray && grammar::is_space(point.value)) break;
    at += point.length;
  }
  return at;
}

class Reader {
 public:
  // `one_line`: the text is one line, its continuations joined.
  Reader(const Fragment& text, char escape, bool one_line)
      : text_(text),
        one_line_(one_line),
        characters_(text.text(), {.escape = escape, .one_line = one_line}),
        stream_(characters_),
        lexer_(&stream_),
        tokens_(&lexer_),
        parser_(&tokens_) {
    lexer_.removeErrorListeners();
    parser_.removeErrorListeners();
    tokens_.fill();
  }

  DockerfileParser::DockerfileContext* parse(Complaints& complaints) {
    auto* simulator = parser_.getInterpreter<antlr4::atn::ParserATNSimulator>();
    simulator->setPredictionMode(antlr4::atn::PredictionMode::SLL);
    parser_.addErrorListener(&complaints);
    auto* tree = parser_.dockerfile();
    if (complaints.first == nullptr) return tree;
    // SLL may refuse what LL understands, never the other way round.
    complaints.first = nullptr;
    parser_.reset();
    simulator->setPredictionMode(antlr4::atn::PredictionMode::LL);
    return parser_.dockerfile();
  }

  char escape() const { return stream_.escape(); }

  Statement statement(DockerfileParser::InstructionContext& instruction);
  Directive directive(const antlr4::Token& token, Report& report);
  std::optional<EmptyContinuation> empty_continuation(
      DockerfileParser::InstructionContext& instruction);
  // An escape character at the end of the file that no instruction goes on behind.
  std::optional<SourceSpan> loose_continuation();
  SourceSpan span(const antlr4::Token& token) const {
    return text_.span(begin(token), std::max(begin(token), end(token)));
  }

 private:
  std::size_t begin(const antlr4::Token& token) const {
    return characters_.byte(token.getStartIndex());
  }
  std::size_t end(const antlr4::Token& token) const {
    return characters_.byte(token.getStopIndex() + 1);
  }
  Fragment joined(std::size_t begin, std::size_t end) const;
  Fragment joined(const antlr4::ParserRuleContext& rule) const {
    return joined(begin(*rule.start), end(*rule.stop));
  }
  void read_words(const antlr4::ParserRuleContext& rule, Statement& statement) const;
  void trim_words(Statement& statement) const;
  HeredocBody body(DockerfileParser::HeredocContext& heredoc) const;
  void read_comments_above(const antlr4::Token& token, Statement& statement);

  const Fragment& text_;
  bool one_line_;
  grammar::Characters characters_;
  grammar::CharacterStream stream_;
  DockerfileLexer lexer_;
  antlr4::CommonTokenStream tokens_;
  DockerfileParser parser_;
};

Fragment Reader::joined(std::size_t begin, std::size_t end) const {
  Fragment line = text_.slice(begin, begin);
  const std::string_view text = std::string_view(text_.text()).substr(begin, end - begin);
  const bool ends_file = !one_line_ && end == text_.size();
  for (const grammar::Stretch& stretch : grammar::join_lines(text, escape(), ends_file)) {
    line.append(text_, begin + stretch.begin, begin + stretch.end);
  }
  return line;
}

void Reader::read_words(const antlr4::ParserRuleContext& rule, Statement& statement) const {
  switch (rule.getRuleIndex()) {
    case DockerfileParser::RuleWords:
      for (ParseTree* child : rule.children) {
        const auto* word = dynamic_cast<const DockerfileParser::WordContext*>(child);
        if (word != nullptr) statement.words.push_back(joined(*word));
        const auto* array = dynamic_cast<const DockerfileParser::JsonArrayContext*>(child);
        if (array != nullptr) read_words(*array, statement);
      }
      break;
    case DockerfileParser::RuleAssignments:
      for (ParseTree* child : rule.children) {
        const auto* assignment = dynamic_cast<const DockerfileParser::AssignmentContext*>(child);
        if (assignment != nullptr) statement.words.push_back(joined(*assignment));
      }
      break;
    case DockerfileParser::RuleJsonArray: {
      // What the array's words are if it turns out to be none.
      const antlr4::Token* first = nullptr;
      const antlr4::Token* last = nullptr;
      const auto flush = [&] {
        if (first != nullptr) statement.words.push_back(joined(begin(*first), end(*last)));
        first = nullptr;
      };
      for (ParseTree* child : rule.children) {
        const antlr4::Token* token = dynamic_cast<antlr4::tree::TerminalNode&>(*child).getSymbol();
        if (token->getType() == DockerfileLexer::WS) {
          flush();
        } else {
          if (first == nullptr) first = token;
          last = token;
        }
      }
      flush();
      break;
    }
    default:
      break;
  }
}

// White space of any kind at both ends of the line does not count, though between words only
// ASCII's does.
void Reader::trim_words(Statement& statement) const {
  std::vector<Fragment>& words = statement.words;
  while (!words.empty() && words.back().trimmed().empty()) words.pop_back();
  const auto first = std::find_if(words.begin(), words.end(),
                                  [](const Fragment& word) { return !word.trimmed().empty(); });
  words.erase(words.begin(), first);
  if (words.empty()) return;
  words.back() = words.back().trimmed_back();
  words.front() = words.front().trimmed_front();
  switch (statement.keyword) {
    case Keyword::arg:
    case Keyword::env:
    case Keyword::label:
      words.back() = without_last_escape(words.back(), escape());
      if (words.back().empty()) words.pop_back();
      break;
    default:
      break;
  }
}

HeredocBody Reader::body(DockerfileParser::HeredocContext& heredoc) const {
  const antlr4::Token& terminator = *heredoc.HEREDOC_END()->getSymbol();
  const std::size_t last = begin(terminator);
  const auto lines = heredoc.HEREDOC_LINE();
  const std::size_t first = lines.empty() ? last : begin(*lines.front()->getSymbol());
  return {text_.slice(first, last), end(terminator) > last};
}

void Reader::read_comments_above(const antlr4::Token& token, Statement& statement) {
  std::vector<std::string>& comments = statement.comments;
  std::size_t below = begin(token);  // where the line under the comment begins
  bool near = true;                  // nothing but comments is between, and no blank line
  for (std::size_t at = token.getTokenIndex(); at > 0; --at) {
    const antlr4::Token& above = *tokens_.get(at - 1);
    if (above.getChannel() == antlr4::Token::DEFAULT_CHANNEL) break;
    if (above.getType() != DockerfileLexer::COMMENT) continue;
    if (near) {
      const Fragment whole = text_.slice(begin(above), end(above)).trimmed_back();
      const std::string_view gap = std::string_view(text_.text())
                                       .substr(begin(above) + whole.size(),
                                               below - begin(above) - whole.size());
      near = std::count(gap.begin(), gap.end(), '\n') == 1;
      below = begin(above);
      if (near && !statement.cache_rule && is_cache_rule(whole.text()))
        statement.cache_rule = whole;
    }
    // As BuildKit, which takes the first character of the line away: behind indentation the #
    // stays.
    std::size_t line = begin(above);
    if (at > 1) {
      const antlr4::Token& before = *tokens_.get(at - 2);
      const bool indents =
          before.getType() == DockerfileLexer::BLANK && text_.text()[end(before) - 1] != '\n';
      if (indents) line = begin(before);
    }
    const std::string comment = text_.slice(line + 1, end(above)).trimmed().text();
    if (comment.empty()) break;
    comments.push_back(comment);
  }
  std::reverse(comments.begin(), comments.end());
}

Statement Reader::statement(DockerfileParser::InstructionContext& instruction) {
  const auto& rule = dynamic_cast<const antlr4::ParserRuleContext&>(*instruction.children.front());
  const antlr4::Token& name = *rule.start;
  Statement statement;
  statement.keyword = keyword_of(rule.getRuleIndex());
  statement.name = joined(begin(name), end(name));
  statement.untrimmed = joined(rule);
  statement.line = statement.untrimmed.trimmed();
  for (ParseTree* child : rule.children) {
    if (const auto* part = dynamic_cast<const antlr4::ParserRuleContext*>(child)) {
      if (part->getRuleIndex() == DockerfileParser::RuleFlags) {
        auto* flags = static_cast<DockerfileParser::FlagsContext*>(child);
        for (auto* flag : flags->FLAG()) {
          const antlr4::Token& token = *flag->getSymbol();
          statement.flags.push_back(joined(begin(token), end(token)));
        }
      } else {
        statement.rest = joined(*part).trimmed();
        statement.bracket = statement.rest.text().starts_with('[');
        read_words(*part, statement);
      }
    } else if (auto* leaf = dynamic_cast<antlr4::tree::TerminalNode*>(child);
               leaf->getSymbol() != &name) {
      // HEALTHCHECK: its type is a word, whatever the grammar took for the beginning of its
      // command.
      const Fragment all = joined(begin(*leaf->getSymbol()), end(*rule.stop)).trimmed();
      const std::size_t space = first_space(all.text());
      statement.type = all.slice(0, space);
      statement.rest = all.slice(space, all.size()).trimmed();
      statement.bracket = statement.rest.text().starts_with('[');
      break;
    }
  }
  if (!statement.flags.empty() && statement.rest.empty() && statement.type.empty()) {
    statement.flags.back() = statement.flags.back().trimmed();
  }
  trim_words(statement);
  if (statement.rest.empty()) {
    // What is missing would stand at the end of the line.
    statement.rest = statement.line.slice(statement.line.size(), statement.line.size());
  }
  std::size_t last = end(*rule.stop);
  for (auto* heredoc : instruction.heredoc()) {
    statement.bodies.push_back(body(*heredoc));
    last = std::max(last, end(*heredoc->HEREDOC_END()->getSymbol()));
  }
  // Without the line break, and without white space behind the instruction.
  const std::string& text = text_.text();
  while (last > 0 && (text[last - 1] == '\n' || text[last - 1] == '\r' || text[last - 1] == ' ' ||
                      text[last - 1] == '\t')) {
    --last;
  }
  statement.span = text_.span(begin(name), last);
  read_comments_above(name, statement);
  return statement;
}

std::optional<EmptyContinuation> Reader::empty_continuation(
    DockerfileParser::InstructionContext& instruction) {
  // Also a line of nothing but the escape character in front of the keyword.
  std::size_t at = instruction.getStart()->getTokenIndex();
  while (at > 0 && tokens_.get(at - 1)->getChannel() != antlr4::Token::DEFAULT_CHANNEL) --at;
  std::optional<EmptyContinuation> found;
  for (;; ++at) {
    const antlr4::Token& token = *tokens_.get(at);
    if (token.getType() == antlr4::Token::EOF || token.getType() == DockerfileLexer::NEWLINE) {
      if (!found) return found;
      std::size_t last = token.getType() == DockerfileLexer::NEWLINE ? begin(token) : text_.size();
      if (last == text_.size() && last > 0 && text_.text()[last - 1] == '\n') --last;
      found->last = text_.span(last, last);
      found->last.column = found->last.end_column = 1;
      return found;
    }
    if (found || token.getType() == DockerfileLexer::COMMENT ||
        token.getType() == DockerfileLexer::BLANK)
      continue;
    // In any other token a line break is that of a continuation.
    const std::string_view text = std::string_view(text_.text()).substr(0, end(token));
    for (std::size_t line = text.find('\n', begin(token)); line < text.size() && !found;) {
      const std::size_t next = text.find('\n', line + 1);
      if (next >= text.size()) break;
      if (text_.slice(line + 1, next).trimmed().empty())
        found = EmptyContinuation{text_.span(line + 1, line + 1), {}};
      line = next;
    }
  }
}

Directive Reader::directive(const antlr4::Token& token, Report& report) {
  const Fragment comment = text_.slice(begin(token), end(token));
  std::string_view line = comment.text();
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  const auto found = grammar::directive_of(line);
  Directive directive{found->name, std::string(found->value), comment.trimmed().span()};
  const SourceSpan value =
      comment.span(found->value_begin, found->value_begin + found->value.size());
  if (directive.name == "escape" && directive.value != "\\" && directive.value != "`") {
    report.syntax(value, "the escape character is \\ or `, not " + quoted(directive.value));
  }
  return directive;
}

std::optional<SourceSpan> Reader::loose_continuation() {
  std::optional<SourceSpan> found;
  for (std::size_t at = tokens_.size() - 1; at > 0; --at) {
    const antlr4::Token& token = *tokens_.get(at - 1);
    if (token.getChannel() == antlr4::Token::DEFAULT_CHANNEL) {
      const std::size_t type = token.getType();
      const bool between = type == DockerfileLexer::NEWLINE || type == DockerfileLexer::DIRECTIVE ||
                           type == DockerfileLexer::HEREDOC_END;
      return between ? found : std::nullopt;
    }
    if (token.getType() == DockerfileLexer::CONTINUATION) {
      found = text_.span(begin(token), begin(token) + 1);
    }
  }
  return found;
}

// Where the first word of a line ends: at one of these blanks and no others.
std::size_t keyword_end(const std::string& line) {
  return std::min(line.find_first_of(" \t\v\f\r"), line.size());
}

// False where the grammar took the beginning of a longer word for the keyword: a continuation may
// stand inside the word, or a character that ends words elsewhere.
bool has_whole_keyword(const Statement& statement) {
  return statement.name.size() == keyword_end(statement.line.text());
}

}  // namespace

Statement read_line(const Fragment& line, char escape) {
  Reader reader(line, escape, true);
  Complaints complaints;
  auto* tree = reader.parse(complaints);
  const auto instructions = tree->instruction();
  if (complaints.first == nullptr && !instructions.empty()) {
    Statement statement = reader.statement(*instructions.front());
    if (has_whole_keyword(statement)) return statement;
  }
  // No instruction at all: a comment behind ONBUILD, or a word that only begins like a keyword.
  Statement statement;
  statement.line = statement.untrimmed = line;
  statement.name = line.slice(0, keyword_end(line.text()));
  statement.rest = line.slice(statement.name.size(), line.size()).trimmed();
  statement.span = line.span();
  return statement;
}

Statements read_statements(const Fragment& text, Report& report) {
  Reader reader(text, '\\', false);
  Complaints complaints;
  auto* tree = reader.parse(complaints);
  if (complaints.first != nullptr) {
    report.syntax(reader.span(*complaints.first), "this is no instruction of a Dockerfile");
  }
  Statements statements;
  statements.escape = reader.escape();
  for (auto* node : tree->DIRECTIVE()) {
    Directive directive = reader.directive(*node->getSymbol(), report);
    const bool repeated =
        std::any_of(statements.directives.begin(), statements.directives.end(),
                    [&](const Directive& other) { return other.name == directive.name; });
    if (repeated) {
      report.syntax(directive.span, "the directive " + quoted(directive.name) + " is given twice");
    }
    statements.directives.push_back(std::move(directive));
  }
  for (auto* instruction : tree->instruction()) {
    Statement statement = reader.statement(*instruction);
    if (const auto empty = reader.empty_continuation(*instruction))
      statements.empty_continuations.push_back(*empty);
    if (!has_whole_keyword(statement)) {
      Statement whole = read_line(statement.line, statements.escape);
      whole.bodies = std::move(statement.bodies);
      whole.comments = std::move(statement.comments);
      whole.span = statement.span;
      statement = std::move(whole);
    }
    statements.list.push_back(std::move(statement));
  }
  if (const auto loose = reader.loose_continuation()) {
    report.error(*loose, "no instruction follows this escape character", "take the line out");
  }
  return statements;
}

}  // namespace slipway
