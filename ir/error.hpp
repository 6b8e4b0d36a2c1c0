// What went wrong, where, and what to do next.
//
// An outcome that a caller must expect is a return value; what ends a command is an Error.
#pragma once

#include <ir/source.hpp>

#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct Diagnostic {
  std::string message;  // one sentence, lower case, no full stop
  SourceSpan span;      // the word to underline; without a file: no place to show
  std::string hint;     // what to do next; may be empty
  std::string detail;   // further lines as they are, such as a command's last output; may be empty
};

// How many mistakes of one text are shown: more of them help nobody.
constexpr std::size_t most_mistakes = 100;

// One or several mistakes. Built in place:
//   throw Error("stage " + quoted(name) + " does not exist").at(span).hint("did you mean ...?");
class Error : public std::exception {
 public:
  explicit Error(std::string message);
  // All mistakes of one text, in its order. `diagnostics` is not empty; `omitted` more were found.
  explicit Error(std::vector<Diagnostic> diagnostics, std::size_t omitted = 0);

  // These change the last diagnostic. at() keeps a place that is already known.
  Error& at(const SourceSpan& span) &;
  Error&& at(const SourceSpan& span) &&;
  Error& hint(std::string text) &;
  Error&& hint(std::string text) &&;
  Error& detail(std::string text) &;
  Error&& detail(std::string text) &&;

  const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }
  std::size_t omitted() const { return omitted_; }
  // The first message.
  const char* what() const noexcept override { return diagnostics_.front().message.c_str(); }

 private:
  std::vector<Diagnostic> diagnostics_;
  std::size_t omitted_ = 0;
};

// A failed system call: names the call, the path (may be empty) and the reason.
//   throw system_error("openat2", path, errno);
Error system_error(std::string_view call, std::string_view path, int error_number);

// "text" in double quotes, with control characters and quotes escaped, cut at 200 characters:
// what is untrusted goes through here before it reaches a terminal.
std::string quoted(std::string_view text);
// Argument-dependent look-up also finds std::quoted, a template that fits a std::string better than
// the function above; these fit it as well, and are no templates.
inline std::string quoted(std::string& text) { return quoted(std::string_view(text)); }
inline std::string quoted(const std::string& text) { return quoted(std::string_view(text)); }
inline std::string quoted(const char* text) { return quoted(std::string_view(text)); }

// All diagnostics in the form of STYLE.md: file:line:column, the line, a caret, a hint; where there
// are several, the last line counts them. Ends with a line break. `color` adds terminal colours.
std::string render(const Error& error, bool color);
// The same for a single one, with "error" or "warning" as `severity`.
std::string render(const Diagnostic& diagnostic, std::string_view severity, bool color);

}  // namespace slipway
