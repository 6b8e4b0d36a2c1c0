// Random words: quotes, escapes, variables with every operator.
#pragma once

#include "choices.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace slipway::fuzz {

class RandomWords {
 public:
  RandomWords(Choices& choices, char escape) : choices_(choices), escape_(escape) {}

  // Variables that have a value, which is not empty, where the next word stands.
  std::vector<std::string> known;
  // A trigger is read again later: with a backslash as escape character, and other variables.
  bool in_trigger = false;

  // Not empty when expanded, and without a backslash in its value, so that it can be a pattern.
  // `blanks`: quotes may hold white space, because the instruction does not divide words there.
  std::string word(bool blanks);
  // The same as one of several ways to write `value`, which nothing in it makes special.
  std::string spelt(const std::string& value);
  // A variable that exists or not, in any form. `depth` bounds what operands nest.
  std::string variable(std::size_t depth);
  // Names and file names.
  std::string_view literal();
  // A JSON string of anything; `plain`: that is a word without quotes and variables as well.
  std::string json_string(bool plain);
  // An array as parts that blanks or continuations may come between.
  std::vector<std::string> json_array(std::size_t least, bool plain);

 private:
  std::string piece(bool blanks, std::size_t depth);
  std::string operand(std::size_t depth);
  std::string pattern(std::size_t depth);

  Choices& choices_;
  char escape_;
};

}  // namespace slipway::fuzz
