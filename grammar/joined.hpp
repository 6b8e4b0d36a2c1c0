// Continuation lines: several lines of a file as one line of text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::grammar {

// One stretch of `text` that belongs to a joined line.
struct Stretch {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// What is left when continuations, and the comments and blank lines behind them, are taken out.
// The same rule as CONTINUED in DockerfileLexer.g4. `text` has no heredoc bodies in it; where it
// `ends_file`, an escape character at its end goes as well.
std::vector<Stretch> join_lines(std::string_view text, char escape, bool ends_file);

// The stretches of a text that a line break follows, as one string.
std::string joined_text(std::string_view text, char escape);

}  // namespace slipway::grammar
