// What a fuzz target is: a function that takes any bytes and requires what has to hold for them.
#pragma once

#include <ir/error.hpp>
#include <ir/source.hpp>

#include <memory>
#include <string_view>

namespace slipway::fuzz {

// The target; one a program.
void try_input(std::string_view input);

// Where it does not hold, ends the process as a crash does: libFuzzer keeps the input.
void require(bool holds, std::string_view what);

// `text` as a Dockerfile.
std::shared_ptr<const SourceFile> file_of(std::string_view text);

// Begins and ends in the file's text, in this order, on characters that are there.
void require_inside(const SourceSpan& span, const SourceFile& file);
// A sentence and a place in the text; and it can be shown.
void require_shown(const Diagnostic& diagnostic, std::string_view severity, const SourceFile& file);
// Every mistake is shown, and there are not more of them than a reader is given per line.
void require_shown(const Error& error, const SourceFile& file);

}  // namespace slipway::fuzz
