// How a generated instruction is laid out: case, blanks, continuations, comments.
#pragma once

#include "choices.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::fuzz {

// Puts one instruction after the other into a text.
class Layout {
 public:
  Layout(Choices& choices, char escape) : choices_(choices), escape_(escape) {}

  // A keyword in capitals and what follows it, parted by blanks or continuations. `bodies` are the
  // lines of heredocs, each with its terminator.
  void instruction(std::string_view keyword, const std::vector<std::string>& parts,
                   const std::vector<std::string>& bodies = {});
  // A comment or a blank line.
  void comment();
  std::string take() { return std::move(text_); }

 private:
  std::string cased(std::string_view keyword);
  std::string blank();

  Choices& choices_;
  char escape_;
  std::string text_;
};

}  // namespace slipway::fuzz
