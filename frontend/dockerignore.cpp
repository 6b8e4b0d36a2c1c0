#include <frontend/ignore_file.hpp>
#include <frontend/parse.hpp>

#include <frontend/fragment.hpp>

#include <grammar/characters.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <algorithm>
#include <functional>
#include <utility>

namespace slipway {
namespace {

std::string_view trimmed(std::string_view text) {
  std::size_t begin = text.size();
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const grammar::CodePoint point = grammar::decode(text, at);
    if (point.stray || !grammar::is_space(point.value)) {
      begin = std::min(begin, at);
      end = at + point.length;
    }
    at += point.length;
  }
  return begin < end ? text.substr(begin, end - begin) : std::string_view();
}

// Go's path.Clean: no empty or "." elements, ".." taken back where it can be.
std::string cleaned(std::string_view path) {
  const bool rooted = path.starts_with('/');
  std::vector<std::string_view> elements;
  std::size_t at = 0;
  while (at <= path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view element = path.substr(at, end - at);
    at = end + 1;
    if (element.empty() || element == ".") continue;
    if (element != "..") {
      elements.push_back(element);
    } else if (!elements.empty() && elements.back() != "..") {
      elements.pop_back();
    } else if (!rooted) {
      elements.push_back(element);
    }
  }
  std::string clean;
  for (const std::string_view element : elements) {
    if (!clean.empty() || rooted) clean += '/';
    clean += element;
  }
  if (clean.empty()) return rooted ? "/" : ".";
  return clean;
}

// Calls `take` with each pattern, its line, counted from 1, and the text it is written as, which
// begins `before` bytes after the line's start.
void for_patterns(
    std::string_view text,
    const std::function<void(std::string pattern, std::size_t line, std::string_view before,
                             std::string_view written)>& take) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('#')) continue;
    const std::string_view written = trimmed(line);
    if (written.empty()) continue;
    std::string_view pattern = written;
    const bool negated = pattern.starts_with('!');
    if (negated) pattern = trimmed(pattern.substr(1));
    std::string clean = pattern.empty() ? std::string() : cleaned(pattern);
    // All patterns are relative to the context.
    if (clean.size() > 1 && clean[0] == '/') clean.erase(0, 1);
    const auto before = static_cast<std::size_t>(written.data() - line.data());
    take(negated ? "!" + clean : std::move(clean), number, line.substr(0, before), written);
  }
}

std::uint32_t characters(std::string_view text) {
  std::uint32_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += grammar::decode(text, at).length) ++count;
  return count;
}

}  // namespace

std::vector<std::string> parse_dockerignore(std::string_view text) {
  std::vector<std::string> patterns;
  for_patterns(text, [&](std::string pattern, std::size_t, std::string_view, std::string_view) {
    patterns.push_back(std::move(pattern));
  });
  return patterns;
}

IgnoreFile read_ignore_file(std::shared_ptr<const SourceFile> source) {
  IgnoreFile file;
  file.source = std::move(source);
  for_patterns(file.source->text, [&](std::string pattern, std::size_t line,
                                      std::string_view before, std::string_view written) {
    SourceSpan place;
    place.file = file.source;
    place.line = place.end_line = static_cast<std::uint32_t>(line);
    place.column = characters(before) + 1;
    place.end_column = place.column + characters(written);
    file.patterns.push_back(std::move(pattern));
    file.places.push_back(std::move(place));
  });
  return file;
}

IgnoreRules ignore_rules(const IgnoreFile& file) {
  Mistakes mistakes;
  for (std::size_t i = 0; i < file.patterns.size(); ++i) {
    mistakes.attempt(file.places[i], [&] { require_ignore_pattern(file.patterns[i]); });
  }
  mistakes.throw_if_any();
  return IgnoreRules(file.patterns);
}

std::vector<std::string> rule_places(const IgnoreFile& file) {
  std::vector<std::string> places;
  for (std::size_t i = 0; i < file.patterns.size(); ++i) {
    places.push_back(printable(file.source->name) + ":" + std::to_string(file.places[i].line) +
                     ": " + quoted(file.patterns[i]));
  }
  return places;
}

}  // namespace slipway
