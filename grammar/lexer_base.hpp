// What the Dockerfile's lexer does beyond its grammar.
#pragma once

#include <antlr4-runtime.h>

#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace slipway::grammar {

class CharacterStream;

// Runs on a CharacterStream and nothing else.
class DockerfileLexerBase : public antlr4::Lexer {
 public:
  using antlr4::Lexer::Lexer;

  // Turns comments at the top into DIRECTIVE and obeys `# escape=`; enters the bodies of heredocs
  // and ends each with HEREDOC_END, at the end of the file as well.
  std::unique_ptr<antlr4::Token> nextToken() override;

 private:
  struct Pending {
    std::string name;
    bool strip_tabs;
  };

  void comment(antlr4::CommonToken& found);
  void begin_instruction(const antlr4::CommonToken& found);
  void end_of_instruction(const antlr4::CommonToken& found);
  void heredoc_line(antlr4::CommonToken& found);
  std::unique_ptr<antlr4::Token> end_unfinished_heredoc();
  CharacterStream& input() const;
  std::string_view slice(const antlr4::CommonToken& found) const;
  std::string_view slice(std::size_t begin, std::size_t end) const;

  bool directives_allowed_ = true;  // so far there were nothing but directives
  bool escape_allowed_ = true;
  bool in_instruction_ = false;
  std::size_t instruction_ = 0;     // where the current or latest one begins
  bool may_open_heredocs_ = false;  // it is RUN, COPY, ADD, or may hold one of them
  std::deque<Pending> pending_;     // heredocs whose bodies are still to come
};

}  // namespace slipway::grammar
