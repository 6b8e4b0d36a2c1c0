// The programs that a RUN starts, in whichever form it is written.
#pragma once

#include <frontend/checks/shell_syntax.hpp>
#include <frontend/statements.hpp>
#include <ir/instruction.hpp>

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// One command of a RUN. What only starts another program (sudo, env, exec, xargs ...) is passed
// over: the program of `sudo -E apt-get update` is apt-get.
class Command {
 public:
  Command(ShellCommand shell, std::shared_ptr<const Fragment> text, std::size_t script);

  // Its file name, without folders; empty if there is none, or none that can be known.
  std::string_view program() const { return program_; }
  std::span<const ShellWord> arguments() const;
  // The words in front of the program: sudo, env and their options.
  std::span<const ShellWord> starters() const { return {shell_.words.data(), at_}; }
  const ShellCommand& shell() const { return shell_; }
  // Which of the scripts it belongs to: 0 for what RUN itself starts, others for `sh -c`.
  std::size_t script() const { return script_; }

  SourceSpan span(const ShellWord& word) const { return text_->span(word.begin, word.end); }
  // From the program to the word `last`.
  SourceSpan span_to(const ShellWord& last) const;
  SourceSpan program_span() const;
  const std::shared_ptr<const Fragment>& text() const { return text_; }

  // The first argument that is no option, nor the value of one: `install` in `apt-get -q install`.
  const ShellWord* subcommand() const;
  // Whether an argument is one of these words; "-x" also stands for a group of letters with it.
  bool has(std::initializer_list<std::string_view> options) const;

 private:
  ShellCommand shell_;
  std::shared_ptr<const Fragment> text_;
  std::size_t at_ = 0;  // of the program among the words
  std::size_t script_ = 0;
  std::string program_;
};

struct Commands {
  bool understood = true;     // false: nothing is known of what the RUN does
  bool shell = false;         // a shell runs it: the shell form or a heredoc
  bool one_heredoc = false;   // the script is a heredoc
  std::vector<Command> list;  // in their order
};

// The commands of a RUN. `posix`: the shell of the stage is one that reads what sh reads.
Commands commands_of(const Statement& statement, bool posix);

// sh, bash, ash, dash, ksh, zsh, with a folder or not.
bool is_posix_shell(std::string_view program);

}  // namespace slipway
