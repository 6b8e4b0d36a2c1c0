#include "target.hpp"

#include <ir/code_point.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace slipway::fuzz {
namespace {

// The column behind the last character of each line. Found again only for another text, because
// one text can have many mistakes.
const std::vector<std::uint32_t>& line_ends(const SourceFile& file) {
  static std::string measured;
  static std::vector<std::uint32_t> ends;
  if (!ends.empty() && measured == file.text) return ends;
  measured = file.text;
  ends.assign(1, 1);
  std::string_view rest = measured;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  while (!rest.empty()) {
    if (rest.front() == '\n') {
      ends.push_back(0);
    }
    ++ends.back();
    rest.remove_prefix(decode(rest).length);
  }
  return ends;
}

}  // namespace

void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

std::shared_ptr<const SourceFile> file_of(std::string_view text) {
  return std::make_shared<const SourceFile>(SourceFile{"Dockerfile", std::string(text)});
}

void require_inside(const SourceSpan& span, const SourceFile& file) {
  require(span.file.get() == &file, "a span is in the text that was read");
  const auto& ends = line_ends(file);
  require(span.line >= 1 && span.end_line >= span.line, "the lines of a span are in their order");
  require(span.end_line <= ends.size(), "the lines of a span are lines of the text");
  // The line break of a line counts as its last character.
  const auto inside = [&](std::uint32_t line, std::uint32_t column) {
    return column >= 1 && column <= ends[line - 1] + (line < ends.size() ? 1 : 0);
  };
  require(inside(span.line, span.column), "a span begins on a character of its line");
  require(inside(span.end_line, span.end_column), "a span ends on a character of its line");
  require(std::pair(span.line, span.column) <= std::pair(span.end_line, span.end_column),
          "a span does not end before it begins");
}

void require_shown(const Diagnostic& diagnostic, std::string_view severity,
                   const SourceFile& file) {
  require(!diagnostic.message.empty(), "a mistake has a message");
  require_inside(diagnostic.span, file);
  const std::string shown = render(diagnostic, severity, false);
  require(shown.ends_with('\n'), "a mistake is shown in whole lines");
  // A byte that a terminal would act on, or that is no UTF-8, is shown as \xNN.
  require(shown.size() <= 4000 + 4 * (diagnostic.message.size() + diagnostic.hint.size()),
          "a mistake is shown in a page, however long its line is");
}

void require_shown(const Error& error, const SourceFile& file) {
  require(!error.diagnostics().empty(), "an error has a mistake");
  require(error.diagnostics().size() <= 20 * line_ends(file).size(),
          "a line has twenty mistakes at most");
  for (const Diagnostic& each : error.diagnostics()) require_shown(each, "error", file);
}

}  // namespace slipway::fuzz
