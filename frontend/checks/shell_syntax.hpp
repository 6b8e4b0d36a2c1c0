// The shell's syntax, as far as the checks need it: which programs a script starts, with which
// words.
//
// Total and linear in the script's size, without recursion. Commands inside of others ($(...),
// `...`) are part of a word and not looked into. What is not certain is not understood, so that a
// check can keep silent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct ShellWord {
  std::string text;       // quotes and escapes taken away; variables and $(...) as written
  std::size_t begin = 0;  // in the script, with quotes
  std::size_t end = 0;
  bool literal = true;  // no variable and no command stands in it
  bool quoted = false;  // a part of it was quoted or escaped, so it is no keyword and no pattern
};

struct ShellRedirection {
  std::string op;    // < > >> >| <> >& <& &> &>> << <<- <<<
  ShellWord target;  // the delimiter for << and <<-
};

// A simple command: assignments, then the program and its arguments.
struct ShellCommand {
  // What stands between two commands.
  enum class Link { none, sequence, and_, or_, pipe, background };

  std::vector<ShellWord> assignments;
  std::vector<ShellWord> words;
  std::vector<ShellRedirection> redirections;
  Link before = Link::none;
  Link after = Link::none;
  std::uint32_t depth = 0;  // how many ( { if, loops and functions it stands in
};

struct ShellScript {
  bool understood = true;  // false: `commands` ends before what was not
  std::vector<ShellCommand> commands;
};

// Reads a POSIX or bash script.
ShellScript read_shell(std::string_view script);

}  // namespace slipway
