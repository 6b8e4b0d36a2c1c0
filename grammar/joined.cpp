#include <grammar/characters.hpp>
#include <grammar/joined.hpp>

namespace slipway::grammar {
namespace {

std::size_t skip(std::string_view text, std::size_t at, std::string_view which) {
  const std::size_t end = text.find_first_not_of(which, at);
  return end == std::string_view::npos ? text.size() : end;
}

// Behind the line break at `at`, if there is one; the end of the file counts.
bool skip_line_end(std::string_view text, std::size_t& at, bool ends_file) {
  const std::size_t end = skip(text, at, "\r");
  if (end < text.size() ? text[end] != '\n' : !ends_file) return false;
  at = end < text.size() ? end + 1 : end;
  return true;
}

std::size_t skip_spaces(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] != '\n') {
    const CodePoint point = decode(text, at);
    if (point.stray || !is_space(point.value)) break;
    at += point.length;
  }
  return at;
}

}  // namespace

std::vector<Stretch> join_lines(std::string_view text, char escape, bool ends_file) {
  std::vector<Stretch> stretches;
  std::size_t begin = 0;
  for (std::size_t at = text.find(escape); at != std::string_view::npos;
       at = text.find(escape, at)) {
    const std::size_t run = skip(text, at, std::string_view(&escape, 1));
    std::size_t next = skip(text, run, " \t");
    if (run != at + 1 || !skip_line_end(text, next, ends_file)) {
      at = run;
      continue;
    }
    if (begin < at) stretches.push_back({begin, at});
    while (next < text.size()) {
      const std::size_t content = skip_spaces(text, next);
      if (content < text.size() && text[content] == '#') {
        const std::size_t line_end = text.find('\n', content);
        next = line_end == std::string_view::npos ? text.size() : line_end + 1;
      } else if (content < text.size() && text[content] == '\n') {
        next = content + 1;
      } else {
        break;
      }
    }
    begin = at = next;
  }
  if (begin < text.size()) stretches.push_back({begin, text.size()});
  return stretches;
}

std::string joined_text(std::string_view text, char escape) {
  std::string joined;
  for (const Stretch& stretch : join_lines(text, escape, false)) {
    joined += text.substr(stretch.begin, stretch.end - stretch.begin);
  }
  return joined;
}

}  // namespace slipway::grammar
