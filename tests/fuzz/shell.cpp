// A shell script, as the build checks read it.
#include "target.hpp"

#include <frontend/checks/shell_commands.hpp>
#include <frontend/checks/shell_syntax.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace slipway::fuzz {
namespace {

void require_word(const ShellWord& word, std::string_view script) {
  require(word.begin < word.end && word.end <= script.size(), "a word stands in the script");
  const std::string_view written = script.substr(word.begin, word.end - word.begin);
  require(word.text.size() <= written.size(), "a word's text is not longer than what is written");
  if (!word.quoted && word.literal && written.find('\\') == written.npos)
    require(word.text == written, "a word without quotes and variables is what is written");
}

// Words in single quotes, which mean themselves; `link` between commands.
std::string written_again(const ShellScript& script) {
  std::string text;
  for (const ShellCommand& command : script.commands) {
    for (const ShellWord& word : command.words) {
      text += '\'';
      for (const char c : word.text) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
      text += "' ";
    }
    if (!command.words.empty()) text += "; ";
  }
  return text;
}

std::vector<std::vector<std::string>> words_of(const ShellScript& script) {
  std::vector<std::vector<std::string>> commands;
  for (const ShellCommand& command : script.commands) {
    std::vector<std::string> words;
    for (const ShellWord& word : command.words) words.push_back(word.text);
    if (!words.empty()) commands.push_back(std::move(words));
  }
  return commands;
}

void try_script(std::string_view text) {
  const ShellScript script = read_shell(text);
  std::size_t at = 0;
  for (const ShellCommand& command : script.commands) {
    for (const auto* words : {&command.assignments, &command.words}) {
      for (const ShellWord& word : *words) {
        require_word(word, text);
        require(word.begin >= at, "words stand in the order of the script");
        at = word.end;
      }
    }
    for (const ShellRedirection& redirection : command.redirections)
      require_word(redirection.target, text);
  }
  if (!script.understood) return;
  const ShellScript again = read_shell(written_again(script));
  require(again.understood, "words in quotes are understood");
  require(words_of(again) == words_of(script), "words in quotes are the same words");
}

// The same text as the script of a RUN: what is nested in it is read as well.
void try_run(std::string_view input) {
  std::string text = "RUN " + std::string(input);
  std::replace(text.begin(), text.end(), '\n', ' ');
  const auto file = file_of(text);
  const Statement statement = read_line(whole_text(file), '\\');
  if (statement.keyword != Keyword::run) return;
  for (const Command& command : commands_of(statement, true).list) {
    require_inside(command.program_span(), *file);
    require(command.program().find('/') == std::string_view::npos, "a program has no folder");
    for (const ShellWord& word : command.arguments()) {
      require_inside(command.span(word), *file);
      require_inside(command.span_to(word), *file);
    }
  }
}

}  // namespace

void try_input(std::string_view input) {
  try_script(input);
  try_run(input);
}

}  // namespace slipway::fuzz
