#include <grammar/lexer_base.hpp>

#include <grammar/directive.hpp>
#include <grammar/heredocs.hpp>
#include <grammar/joined.hpp>
#include <grammar/stream.hpp>

#include <DockerfileLexer.h>

#include <algorithm>

namespace slipway::grammar {

std::unique_ptr<antlr4::Token> DockerfileLexerBase::nextToken() {
  if (mode == DockerfileLexer::HEREDOC && _input->LA(1) == antlr4::Token::EOF) {
    return end_unfinished_heredoc();
  }
  auto next = Lexer::nextToken();
  auto& found = static_cast<antlr4::CommonToken&>(*next);
  switch (found.getType()) {
    case DockerfileLexer::COMMENT:
      comment(found);
      break;
    case DockerfileLexer::BLANK:
      // Inside an instruction that has begun, or a line that is indented or blank.
      if (slice(found).back() == '\n') directives_allowed_ = false;
      break;
    case DockerfileLexer::NEWLINE:
      end_of_instruction(found);
      break;
    case DockerfileLexer::HEREDOC_LINE:
      heredoc_line(found);
      break;
    default:
      directives_allowed_ = false;
      if (!in_instruction_ && found.getChannel() == antlr4::Token::DEFAULT_CHANNEL) {
        begin_instruction(found);
      }
  }
  return next;
}

void DockerfileLexerBase::comment(antlr4::CommonToken& found) {
  if (!directives_allowed_) return;
  std::string_view text = slice(found);
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  const auto directive = directive_of(text);
  directives_allowed_ = directive.has_value();
  if (!directive) return;
  found.setType(DockerfileLexer::DIRECTIVE);
  found.setChannel(antlr4::Token::DEFAULT_CHANNEL);
  if (directive->name != "escape" || !escape_allowed_) return;
  escape_allowed_ = false;  // a second one is a mistake that the frontend reports
  if (directive->value == "`") input().set_escape('`');
}

void DockerfileLexerBase::begin_instruction(const antlr4::CommonToken& found) {
  in_instruction_ = true;
  instruction_ = found.getStartIndex();
  const std::size_t first = found.getType();
  // UNKNOWN too: the lines below a misspelt RUN <<EOF are no instructions.
  may_open_heredocs_ = first == DockerfileLexer::RUN || first == DockerfileLexer::COPY ||
                       first == DockerfileLexer::ADD || first == DockerfileLexer::ONBUILD ||
                       first == DockerfileLexer::UNKNOWN;
}

void DockerfileLexerBase::end_of_instruction(const antlr4::CommonToken& found) {
  in_instruction_ = false;
  if (!may_open_heredocs_) return;
  const std::string_view text = slice(instruction_, found.getStartIndex());
  if (text.find("<<") == std::string_view::npos) return;
  const std::string joined = joined_text(text, input().escape());
  if (!may_hold_heredocs(joined)) return;
  for (HeredocOpening& opening : heredocs_of(joined)) {
    pending_.push_back({std::move(opening.name), opening.strip_tabs});
  }
  if (!pending_.empty()) pushMode(DockerfileLexer::HEREDOC);
}

void DockerfileLexerBase::heredoc_line(antlr4::CommonToken& found) {
  std::string_view line = slice(found);
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (pending_.front().strip_tabs) {
    line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
  }
  if (line != pending_.front().name) return;
  found.setType(DockerfileLexer::HEREDOC_END);
  pending_.pop_front();
  if (pending_.empty()) popMode();
}

// The file ends inside a heredoc: an empty HEREDOC_END, and the rest of the queue has no bodies.
std::unique_ptr<antlr4::Token> DockerfileLexerBase::end_unfinished_heredoc() {
  pending_.clear();
  popMode();
  const std::size_t end = _input->index();
  return getTokenFactory()->create({this, _input}, DockerfileLexer::HEREDOC_END, "",
                                   antlr4::Token::DEFAULT_CHANNEL, end, end - 1, getLine(),
                                   getCharPositionInLine());
}

CharacterStream& DockerfileLexerBase::input() const {
  return static_cast<CharacterStream&>(*_input);
}

std::string_view DockerfileLexerBase::slice(const antlr4::CommonToken& found) const {
  return slice(found.getStartIndex(), found.getStopIndex() + 1);
}

std::string_view DockerfileLexerBase::slice(std::size_t begin, std::size_t end) const {
  const Characters& characters = input().characters();
  const std::size_t first = characters.byte(begin);
  return characters.text().substr(first, characters.byte(end) - first);
}

}  // namespace slipway::grammar
