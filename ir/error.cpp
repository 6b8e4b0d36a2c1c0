#include <ir/code_point.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t longest_quote = 200;  // characters of quoted()
constexpr std::size_t longest_line = 160;   // characters of a source line that are shown
constexpr std::size_t longest_snippet = 5;  // lines of a span that are shown
constexpr std::size_t tab_width = 4;

// What a terminal would act on instead of showing: controls, and the marks that turn the writing
// direction, with which a text can show other than what it says.
bool is_hidden(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

// Columns on a terminal: the blocks that matter, not the whole of Unicode's East Asian Width.
std::size_t width(char32_t c) {
  if (c >= 0x300 && c <= 0x36F) return 0;
  const bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
                    (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                    (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
                    (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) ||
                    (c >= 0x20000 && c <= 0x3FFFD);
  return wide ? 2 : 1;
}

std::string hexadecimal(std::uint32_t value, std::size_t digits) {
  std::string text;
  for (; value != 0 || text.size() < digits; value /= 16)
    text.insert(text.begin(), "0123456789abcdef"[value % 16]);
  return text;
}

// Finds lines of a text, and columns in them. Spans of one file come mostly in order, so each search
// goes on where the last one stopped, and a long list of mistakes costs one walk through the text.
class LineFinder {
 public:
  // What stands from a column of the line on.
  std::string_view from_column(const SourceFile& file, std::uint32_t number, std::size_t column) {
    const std::string_view whole = line(file, number);
    if (whole.data() != columns_of_ || column < column_) {
      columns_of_ = whole.data();
      column_ = 1;
      byte_ = 0;
    }
    for (; column_ < column && byte_ < whole.size(); ++column_)
      byte_ += decode(whole.substr(byte_)).length;
    return whole.substr(byte_);
  }

  std::string_view line(const SourceFile& file, std::uint32_t number) {
    if (&file != file_ || number < number_) {
      file_ = &file;
      number_ = 1;
      start_ = 0;
    }
    const std::string_view text = file.text;
    for (; number_ < number; ++number_) {
      const std::size_t end = text.find('\n', start_);
      if (end == std::string_view::npos) return {};
      start_ = end + 1;
    }
    std::string_view line = text.substr(start_, text.find('\n', start_) - start_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    // A byte order mark is not seen, and spans do not count it.
    if (number == 1 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    return line;
  }

 private:
  const SourceFile* file_ = nullptr;
  std::uint32_t number_ = 1;
  std::size_t start_ = 0;

  const char* columns_of_ = nullptr;
  std::size_t column_ = 1;
  std::size_t byte_ = 0;
};

// Messages and hints quote what is untrusted; where they repeat it as it is (the message of a
// ${v:?message}), a terminal must not act on it.
std::string harmless(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const CodePoint c = decode(text);
    if (!c.valid || (c.value < 0x80 && is_hidden(c.value))) {
      result += "\\x" + hexadecimal(c.value, 2);
    } else if (is_hidden(c.value)) {
      result += "\\u" + hexadecimal(c.value, 4);
    } else {
      result += text.substr(0, c.length);
    }
    text.remove_prefix(c.length);
  }
  return result;
}

struct Colors {
  const char* severity = "";
  const char* strong = "";
  const char* off = "";
};

// One source line as a terminal can show it, and below it the caret where `from` (a column) is
// not 0: "^~~~" up to but without column `to`.
std::string snippet_line(const SourceFile& file, std::uint32_t number, LineFinder& lines,
                         std::size_t from, std::size_t to, const Colors& colors) {
  // A very long line is shown around the place.
  const std::size_t first = from > longest_line / 2 ? from - longest_line / 2 : 1;
  std::string_view line = lines.from_column(file, number, first);
  std::string shown = first > 1 ? "..." : "";
  std::string marks(shown.size(), ' ');
  std::size_t shown_width = shown.size();
  bool marked = false;

  std::size_t column = first;
  bool cut = false;
  while (!line.empty()) {
    const CodePoint c = decode(line);
    const std::string_view bytes = line.substr(0, c.length);
    line.remove_prefix(c.length);
    if (column >= first + longest_line) {
      cut = true;
      break;
    }
    std::size_t cells = 1;
    if (c.valid && c.value == '\t') {
      cells = tab_width - shown_width % tab_width;
      shown.append(cells, ' ');
    } else if (!c.valid || is_hidden(c.value)) {
      shown += "\xEF\xBF\xBD";  // the replacement character
    } else {
      cells = width(c.value);
      shown += bytes;
    }
    shown_width += cells;
    const bool inside = from != 0 && column >= from && (column < to || column == from);
    for (std::size_t i = 0; i < cells; ++i) {
      marks += !inside ? ' ' : marked ? '~' : '^';
      marked = marked || inside;
    }
    ++column;
  }
  if (cut) shown += "...";
  // A place behind the last character: something is missing there.
  if (from != 0 && !marked) marks += '^';

  std::string prefix = std::to_string(number);
  prefix.insert(0, prefix.size() < 5 ? 5 - prefix.size() : 0, ' ');
  std::string result = prefix + " | " + shown;
  while (result.ends_with(' ')) result.pop_back();
  result += '\n';
  if (from != 0) {
    while (marks.ends_with(' ')) marks.pop_back();
    const std::size_t blank = std::min(marks.find('^'), marks.size());
    result += std::string(prefix.size(), ' ') + " | " + marks.substr(0, blank) + colors.severity +
              marks.substr(blank) + colors.off + "\n";
  }
  return result;
}

std::string snippet(const SourceSpan& span, LineFinder& lines, const Colors& colors) {
  const std::uint32_t end = std::max(span.line, span.end_line);
  // A span that ends at the start of a line does not reach into it.
  const std::uint32_t last = end > span.line && span.end_column <= 1 ? end - 1 : end;
  std::string result;
  for (std::uint32_t number = span.line; number <= last; ++number) {
    if (number - span.line == longest_snippet) {
      result += "  ... |\n";
      break;
    }
    const bool is_first = number == span.line;
    const std::size_t to = span.end_line > span.line ? SIZE_MAX : span.end_column;
    result += snippet_line(*span.file, number, lines, is_first ? std::max(span.column, 1u) : 0, to, colors);
  }
  return result;
}

std::string render_one(const Diagnostic& diagnostic, std::string_view severity, bool color,
                       LineFinder& lines) {
  Colors colors;
  if (color) {
    const bool is_error = severity == "error";
    colors = {is_error ? "\x1b[1;31m" : "\x1b[1;33m", "\x1b[1m", "\x1b[0m"};
  }
  const SourceSpan& span = diagnostic.span;
  std::string result;
  if (span) {
    result += colors.strong + harmless(span.file->name);
    if (span.line != 0) {
      result += ":" + std::to_string(span.line);
      if (span.column != 0) result += ":" + std::to_string(span.column);
    }
    result += std::string(":") + colors.off + " ";
  }
  result +=
      colors.severity + std::string(severity) + ":" + colors.off + " " + harmless(diagnostic.message) + "\n";
  if (span && span.line != 0) result += snippet(span, lines, colors);
  if (!diagnostic.detail.empty()) {
    result += diagnostic.detail;
    if (!result.ends_with('\n')) result += '\n';
  }
  if (!diagnostic.hint.empty())
    result += std::string(colors.strong) + "hint:" + colors.off + " " + harmless(diagnostic.hint) + "\n";
  return result;
}

// "3 mistakes in Dockerfile"; empty for a single one.
std::string summary(const Error& error) {
  const std::vector<Diagnostic>& shown = error.diagnostics();
  const std::size_t total = shown.size() + error.omitted();
  if (total < 2) return {};
  std::string text = std::to_string(total) + " mistakes";
  // ONBUILD triggers are texts of their own.
  for (const Diagnostic& each : shown) {
    if (!each.span) continue;
    text += " in " + harmless(each.span.file->name);
    break;
  }
  if (error.omitted() != 0) text += "; these are the first " + std::to_string(shown.size());
  return text + "\n";
}

}  // namespace

Error::Error(std::string message) {
  diagnostics_.push_back({std::move(message), {}, {}, {}});
}

Error::Error(std::vector<Diagnostic> diagnostics, std::size_t omitted)
    : diagnostics_(std::move(diagnostics)), omitted_(omitted) {
  if (diagnostics_.empty()) diagnostics_.push_back({"unknown error", {}, {}, {}});
}

Error& Error::at(const SourceSpan& span) & {
  if (!diagnostics_.back().span) diagnostics_.back().span = span;
  return *this;
}
Error&& Error::at(const SourceSpan& span) && {
  return std::move(at(span));
}

Error& Error::hint(std::string text) & {
  diagnostics_.back().hint = std::move(text);
  return *this;
}
Error&& Error::hint(std::string text) && {
  return std::move(hint(std::move(text)));
}

Error& Error::detail(std::string text) & {
  diagnostics_.back().detail = std::move(text);
  return *this;
}
Error&& Error::detail(std::string text) && {
  return std::move(detail(std::move(text)));
}

Error system_error(std::string_view call, std::string_view path, int error_number) {
  std::string message(call);
  if (!path.empty()) message += " " + quoted(path);
  Error error(message + ": " + std::generic_category().message(error_number));
  // The message does not say whose: nearly all that is written is written to the store.
  if (error_number == ENOSPC || error_number == EDQUOT)
    error.hint("free space there; the files of slipway itself lie below --root");
  if (error_number == EROFS) error.hint("slipway writes below --root: give one that can be written");
  return error;
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (std::size_t count = 0; !text.empty(); ++count) {
    if (count == longest_quote) return result + "...\"";
    const CodePoint c = decode(text);
    if (!c.valid) {
      result += "\\x" + hexadecimal(c.value, 2);
    } else if (c.value == '\n') {
      result += "\\n";
    } else if (c.value == '\t') {
      result += "\\t";
    } else if (c.value == '\r') {
      result += "\\r";
    } else if (c.value == '"' || c.value == '\\') {
      result += '\\';
      result += static_cast<char>(c.value);
    } else if (c.value < 0x80 && is_hidden(c.value)) {
      result += "\\x" + hexadecimal(c.value, 2);
    } else if (is_hidden(c.value)) {
      result += "\\u" + hexadecimal(c.value, 4);
    } else {
      result += text.substr(0, c.length);
    }
    text.remove_prefix(c.length);
  }
  return result + "\"";
}

std::string render(const Error& error, bool color) {
  LineFinder lines;
  std::string result;
  for (const Diagnostic& diagnostic : error.diagnostics())
    result += render_one(diagnostic, "error", color, lines);
  return result + summary(error);
}

std::string render(const Diagnostic& diagnostic, std::string_view severity, bool color) {
  LineFinder lines;
  return render_one(diagnostic, severity, color, lines);
}

}  // namespace slipway
