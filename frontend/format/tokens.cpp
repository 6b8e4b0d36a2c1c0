#include <frontend/format/tokens.hpp>

#include <grammar/joined.hpp>
#include <grammar/lexer_base.hpp>
#include <grammar/stream.hpp>

#include <DockerfileLexer.h>

#include <algorithm>
#include <utility>

namespace slipway::format {
namespace {

using grammar::DockerfileLexer;
using Kind = Token::Kind;

Kind kind_inside_instruction(std::size_t type) {
  switch (type) {
    case DockerfileLexer::BLANK:
      return Kind::blank;
    case DockerfileLexer::CONTINUATION:
      return Kind::continuation;
    case DockerfileLexer::FLAG:
      return Kind::flag;
    case DockerfileLexer::FLAGS_END:
      return Kind::flags_end;
    case DockerfileLexer::LBRACKET:
      return Kind::bracket;
    case DockerfileLexer::WS:
      return Kind::white_space;
    case DockerfileLexer::NEWLINE:
      return Kind::instruction_end;
    case DockerfileLexer::CMD:
    case DockerfileLexer::NONE:
    case DockerfileLexer::UNKNOWN:
      return Kind::type;
    default:
      return Kind::content;
  }
}

}  // namespace

Tokens tokens_of(std::string_view text) {
  const grammar::Characters characters(text, {.escape = '\\'});
  grammar::CharacterStream stream(characters);
  DockerfileLexer lexer(&stream);
  lexer.removeErrorListeners();

  Tokens tokens;
  bool in_instruction = false;
  while (true) {
    // Token by token and not all at once: they are large, and ours are not.
    const auto found = lexer.nextToken();
    const std::size_t type = found->getType();
    if (type == antlr4::Token::EOF) break;
    Token token{Kind::content, characters.byte(found->getStartIndex()),
                characters.byte(found->getStopIndex() + 1)};
    if (in_instruction) {
      token.kind = kind_inside_instruction(type);
      in_instruction = token.kind != Kind::instruction_end;
    } else if (type == DockerfileLexer::COMMENT || type == DockerfileLexer::DIRECTIVE) {
      token.kind = Kind::comment;
    } else if (type == DockerfileLexer::BLANK) {
      token.kind = text[token.end - 1] == '\n' ? Kind::line_end : Kind::blank;
    } else if (type == DockerfileLexer::CONTINUATION) {
      token.kind = Kind::continuation;
    } else if (type == DockerfileLexer::HEREDOC_LINE) {
      token.kind = Kind::heredoc_line;
    } else if (type == DockerfileLexer::HEREDOC_END) {
      token.kind = Kind::heredoc_end;
    } else {
      token.kind = Kind::keyword;
      in_instruction = true;
    }
    tokens.list.push_back(token);
  }
  tokens.escape = stream.escape();
  return tokens;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view white = " \t\v\f\r\n";
  const std::size_t begin = std::min(text.find_first_not_of(white), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(white) + 1);
}

void Gap::add(std::string_view continuation) {
  broken = true;
  // Behind the escape character there are only line breaks, blank lines and comments.
  for (std::size_t at = continuation.find('\n'); at < continuation.size();) {
    const std::size_t next = std::min(continuation.find('\n', at + 1), continuation.size());
    const std::size_t comment = continuation.find('#', at);
    if (comment < next) comments.push_back(trimmed(continuation.substr(comment, next - comment)));
    at = next;
  }
}

std::vector<Line> lines_of(std::string_view text, std::string_view part, char escape, Gap& last) {
  const bool ends_file = part.data() + part.size() == text.data() + text.size();
  const auto stretches = grammar::join_lines(part, escape, ends_file);
  std::vector<Line> lines;
  Gap gap;
  std::size_t end = 0;
  for (const grammar::Stretch& stretch : stretches) {
    if (stretch.begin > end) gap.add(part.substr(end, stretch.begin - end));
    lines.push_back({std::move(gap), part.substr(stretch.begin, stretch.end - stretch.begin)});
    gap = {};
    end = stretch.end;
  }
  if (end < part.size()) gap.add(part.substr(end));
  last = std::move(gap);
  return lines;
}

void Gap::add(const Gap& next) {
  broken = broken || next.broken;
  comments.insert(comments.end(), next.comments.begin(), next.comments.end());
}

}  // namespace slipway::format
