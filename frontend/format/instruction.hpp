// One instruction in its canonical layout.
#pragma once

#include <frontend/format/tokens.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::format {

struct InstructionText {
  std::string text;  // with a line break at its end, without heredocs
  // What stood behind a continuation that nothing follows: lines of their own now.
  std::vector<std::string_view> comments;
};

// `tokens` are those of the instruction in `text`, from its keyword on, up to its end.
InstructionText format_instruction(std::string_view text, std::span<const Token> tokens,
                                   char escape);

}  // namespace slipway::format
