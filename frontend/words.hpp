// Words: from text to the parts that variables are replaced in.
#pragma once

#include <frontend/fragment.hpp>
#include <frontend/report.hpp>
#include <ir/word.hpp>

namespace slipway {

enum class WordMode {
  quotes,      // ' and " quote, the escape character escapes
  raw_quotes,  // quotes stay where they are: the body of a heredoc
};

// Reads a word. A mistake in it is reported, and the word returned as plain text that failed.
Word read_word(const Fragment& text, char escape, Report& report,
               WordMode mode = WordMode::quotes);

// A word in which nothing is special.
Word plain_word(const Fragment& text);

}  // namespace slipway
