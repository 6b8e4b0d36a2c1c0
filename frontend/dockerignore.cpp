#include <frontend/parse.hpp>

#include <frontend/fragment.hpp>

#include <grammar/characters.hpp>

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

}  // namespace

std::vector<std::string> parse_dockerignore(std::string_view text) {
  std::vector<std::string> patterns;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('#')) continue;
    std::string_view pattern = trimmed(line);
    if (pattern.empty()) continue;
    const bool negated = pattern.starts_with('!');
    if (negated) pattern = trimmed(pattern.substr(1));
    std::string clean = pattern.empty() ? std::string() : cleaned(pattern);
    // All patterns are relative to the context.
    if (clean.size() > 1 && clean[0] == '/') clean.erase(0, 1);
    patterns.push_back(negated ? "!" + clean : clean);
  }
  return patterns;
}

}  // namespace slipway
