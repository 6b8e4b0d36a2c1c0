#include <grammar/heredocs.hpp>

#include <grammar/word_syntax.hpp>

#include <algorithm>
#include <cctype>

namespace slipway::grammar {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string upper_word(std::string_view line, std::size_t& at) {
  at = std::min(line.find_first_not_of(" \t\v\f\r", at), line.size());
  std::string word;
  while (at < line.size() && std::isspace(static_cast<unsigned char>(line[at])) == 0) {
    word += static_cast<char>(std::toupper(static_cast<unsigned char>(line[at++])));
  }
  return word;
}

// For each byte whether white space there would end a word: it does outside quotes and escapes.
std::vector<bool> outside_quotes(WordSyntax& syntax, std::size_t size) {
  std::vector<bool> outside(size, true);
  std::size_t double_quotes = 0;
  for (const antlr4::Token* token : syntax.tokens()) {
    const std::size_t type = token->getType();
    if (type == antlr4::Token::EOF) break;
    if (type == WordLexer::CLOSE_DOUBLE) --double_quotes;
    if (type == WordLexer::OPEN_DOUBLE) ++double_quotes;
    if (double_quotes == 0 && type != WordLexer::CLOSE_DOUBLE &&
        type != WordLexer::SINGLE_QUOTED && type != WordLexer::ESCAPED &&
        type != WordLexer::PATTERN_ESCAPE) {
      continue;
    }
    std::fill(outside.begin() + static_cast<std::ptrdiff_t>(syntax.begin(*token)),
              outside.begin() + static_cast<std::ptrdiff_t>(syntax.end(*token)), false);
  }
  return outside;
}

}  // namespace

bool may_hold_heredocs(std::string_view line) {
  std::size_t at = 0;
  std::string word = upper_word(line, at);
  if (word == "ONBUILD") {
    do {
      word = upper_word(line, at);
    } while (word.starts_with("--"));
  }
  static constexpr std::string_view without[] = {
      "FROM", "EXPOSE",  "VOLUME", "ARG",        "ENV",        "LABEL",   "CMD",        "ENTRYPOINT",
      "SHELL", "WORKDIR", "USER",   "STOPSIGNAL", "MAINTAINER", "ONBUILD", "HEALTHCHECK"};
  return std::find(std::begin(without), std::end(without), word) == std::end(without);
}

std::optional<HeredocOpening> heredoc_of_word(std::string_view word) {
  std::size_t at = std::min(word.find_first_not_of("0123456789"), word.size());
  if (!word.substr(at).starts_with("<<")) return std::nullopt;
  at += 2;
  HeredocOpening opening;
  opening.strip_tabs = at < word.size() && word[at] == '-';
  if (opening.strip_tabs) ++at;
  while (at < word.size() && std::isspace(static_cast<unsigned char>(word[at])) != 0) ++at;
  const std::string_view name = word.substr(at);
  if (name.empty() || name.find('<') != std::string_view::npos) return std::nullopt;

  // Quotes and escapes go, variables stay as they are written; it has to be one word.
  WordSyntax syntax(name, {});  // docker takes a backslash here under any escape directive
  if (syntax.mistake()) return std::nullopt;
  const std::vector<bool> outside = outside_quotes(syntax, name.size());
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (outside[i] && std::isspace(static_cast<unsigned char>(name[i])) != 0) return std::nullopt;
  }
  std::size_t double_quotes = 0;
  for (const antlr4::Token* token : syntax.tokens()) {
    const std::size_t type = token->getType();
    if (type == antlr4::Token::EOF) break;
    std::string_view text = name.substr(syntax.begin(*token), syntax.end(*token) - syntax.begin(*token));
    if (type == WordLexer::OPEN_DOUBLE || type == WordLexer::CLOSE_DOUBLE) {
      double_quotes += type == WordLexer::OPEN_DOUBLE ? 1 : 0;
      continue;
    }
    if (type == WordLexer::SINGLE_QUOTED) {
      opening.expand = false;
      text = text.substr(1, text.size() - 2);
    } else if (type == WordLexer::ESCAPED) {
      text.remove_prefix(1);
    } else if (type == WordLexer::LONE_ESCAPE) {
      continue;
    }
    opening.name += text;
  }
  if (double_quotes > 0) opening.expand = false;
  if (opening.name.empty() && opening.expand) return std::nullopt;
  opening.end = word.size();
  return opening;
}

std::vector<HeredocOpening> heredocs_of(std::string_view line) {
  std::vector<HeredocOpening> openings;
  if (line.find("<<") == std::string_view::npos) return openings;
  WordSyntax syntax(line, {});
  if (syntax.mistake()) return openings;
  const std::vector<bool> outside = outside_quotes(syntax, line.size());

  std::size_t at = 0;
  while (at < line.size()) {
    const std::size_t begin = at;
    while (at < line.size()) {
      const CodePoint point = decode(line, at);
      if (outside[at] && is_space(point.value) && !point.stray) break;
      if (outside[at] && line.substr(at).starts_with("<<")) {
        // White space between << and the name belongs to the word.
        at += 2;
        while (at < line.size() && is_blank(line[at])) ++at;
        continue;
      }
      at += point.length;
    }
    if (auto opening = heredoc_of_word(line.substr(begin, at - begin))) {
      opening->begin = begin;
      opening->end = at;
      openings.push_back(std::move(*opening));
    }
    if (at < line.size()) at += decode(line, at).length;
  }
  return openings;
}

}  // namespace slipway::grammar
