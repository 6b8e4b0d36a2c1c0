// Questions to a person, answered in one line of standard input.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// Prints the question to standard output and gives the answer without its line break and the blanks
// around it; empty: standard input has ended. Throws Error if it cannot be read.
std::optional<std::string> ask(std::string_view question);

// docker's question before something is removed: "WARNING! ", what will happen, and whether to go
// on.
bool confirmed(std::string_view warning);

// The same as ask() without showing what is typed, and with the blanks kept; the terminal is as it
// was afterwards, also where a signal ends the program. Throws Error if standard input is no
// terminal.
std::optional<std::string> ask_secret(std::string_view question);

}  // namespace slipway
