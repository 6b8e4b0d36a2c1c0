// Patterns beside a slow matcher that was written apart from ours: lines of rules, and a path in the
// last line. The same lines are also wildcards of COPY.
#include "target.hpp"

#include <ir/pattern.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace slipway::fuzz {
namespace {

// Whether [...] at the front of `pattern` takes the character; cuts it off.
bool set_takes(std::string_view& pattern, char c) {
  pattern.remove_prefix(1);
  const bool negated = pattern.starts_with('^');
  if (negated) pattern.remove_prefix(1);
  bool inside = false;
  const auto member = [&pattern] {
    if (pattern.front() == '\\') pattern.remove_prefix(1);
    const char one = pattern.front();
    pattern.remove_prefix(1);
    return one;
  };
  for (bool first = true; first || pattern.front() != ']'; first = false) {
    const char low = member();
    char high = low;
    if (pattern.front() == '-') {
      pattern.remove_prefix(1);
      high = member();
    }
    inside = inside || (low <= c && c <= high);
  }
  pattern.remove_prefix(1);
  return inside != negated;
}

// Tries everything: exponential, and close to how one would say it. `crossing`: ** has its meaning.
bool takes(std::string_view pattern, std::string_view text, bool crossing, int& patience) {
  if (--patience < 0) return false;
  if (pattern.empty()) return text.empty();
  if (crossing && pattern.starts_with("**")) {
    pattern.remove_prefix(pattern.substr(2).starts_with('/') ? 3 : 2);
    if (pattern.empty()) return true;
    if (takes(pattern, text, crossing, patience)) return true;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '/' && takes(pattern, text.substr(at + 1), crossing, patience)) return true;
    }
    return false;
  }
  if (pattern.front() == '*') {
    for (std::size_t at = 0;; ++at) {
      if (takes(pattern.substr(1), text.substr(at), crossing, patience)) return true;
      if (at == text.size() || text[at] == '/') return false;
    }
  }
  if (text.empty()) return false;
  const char c = text.front();
  text.remove_prefix(1);
  if (pattern.front() == '[') return set_takes(pattern, c) && takes(pattern, text, crossing, patience);
  if (pattern.front() == '?') return c != '/' && takes(pattern.substr(1), text, crossing, patience);
  if (pattern.front() == '\\') pattern.remove_prefix(1);
  return pattern.front() == c && takes(pattern.substr(1), text, crossing, patience);
}

// One rule, without its '!', on one path.
bool rule_matches(std::string_view pattern, std::string_view path, int& patience) {
  // "**.c" is what ends in ".c", which is not what its stars say elsewhere.
  if (pattern.starts_with("**")) {
    const std::string_view behind = pattern.substr(2);
    if (behind.find_first_of("*?[]\\") == std::string_view::npos) {
      return path.ends_with(behind) || (behind.starts_with('/') && path == behind.substr(1));
    }
  }
  return takes(pattern, path, true, patience);
}

// What moby/patternmatcher does from directory to directory, with nothing remembered but its list.
bool is_excluded(const std::vector<std::string>& rules, std::string_view path, int& patience) {
  std::vector<bool> above(rules.size());
  bool excluded = false;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view front = path.substr(0, end);
    excluded = false;
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const bool again = rules[i].starts_with('!');
      const std::string_view pattern = std::string_view(rules[i]).substr(again ? 1 : 0);
      above[i] = above[i] || (again == excluded && rule_matches(pattern, front, patience));
      if (above[i]) excluded = !again;
    }
    at = end + 1;
  }
  return excluded;
}

// Nothing that cleaning would change, and no bytes that are more than a character.
bool is_plain(std::string_view path) {
  if (path.empty() || std::any_of(path.begin(), path.end(), [](char c) { return c <= ' ' || c > '~'; }))
    return false;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view name = path.substr(at, end - at);
    if (name.empty() || name == "." || name == "..") return false;
    at = end + 1;
  }
  return true;
}

void require_match(std::string_view pattern, std::string_view path) {
  bool matches = false;
  try {
    matches = match_path(pattern, path);
  } catch (const Error& error) {
    require(!std::string_view(error.what()).empty(), "a mistake has a message");
    return;
  }
  // Go's own matcher, which ours has to follow, does not try everything where a set meets a '/'.
  const bool whole = path.find('/') == std::string_view::npos ||
                     pattern.find('[') == std::string_view::npos;
  int patience = 20'000;
  const bool expected = takes(pattern, path, false, patience);
  if (whole && patience >= 0)
    require(matches == expected, "a wildcard matches what trying everything matches");
  require(!matches || has_wildcards(pattern) || pattern.find('\\') != std::string_view::npos ||
              pattern == path,
          "what has no wildcards is itself");
}

}  // namespace

void try_input(std::string_view input) {
  std::vector<std::string> lines(1);
  for (const char c : input) {
    if (c == '\n') lines.emplace_back();
    else lines.back() += c;
  }
  const std::string path = std::move(lines.back());
  lines.pop_back();
  if (lines.size() > 20 || path.size() > 100 || !is_plain(path)) return;
  const auto plain_rule = [](const std::string& rule) {
    return rule.size() <= 60 && is_plain(std::string_view(rule).substr(rule.starts_with('!')));
  };
  if (!std::all_of(lines.begin(), lines.end(), plain_rule)) return;
  for (const std::string& line : lines) require_match(line, path);

  std::vector<bool> verdicts;
  try {
    const IgnoreRules rules(lines);
    for (std::size_t end = 0; end != std::string::npos; end = path.find('/', end + 1)) {
      if (end > 0) verdicts.push_back(rules.excluded(std::string_view(path).substr(0, end)));
    }
    verdicts.push_back(rules.excluded(path));
  } catch (const Error& error) {
    require(!std::string_view(error.what()).empty(), "a mistake has a message");
    return;
  }
  int patience = 200'000;
  std::size_t at = 0;
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const bool expected = is_excluded(lines, std::string_view(path).substr(0, end), patience);
    if (patience < 0) return;
    require(verdicts[at++] == expected, "the rules decide as moby's do, tried one by one");
    if (end == std::string::npos) return;
  }
}

}  // namespace slipway::fuzz
