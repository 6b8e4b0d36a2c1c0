#include <ir/pattern_steps.hpp>

#include <ir/code_point.hpp>

#include <algorithm>

namespace slipway {
namespace {

// A member of [...]: a character, perhaps behind '\'.
char32_t read_member(std::string_view& rest, std::string_view pattern) {
  if (rest.empty()) throw malformed(pattern, "'[' without ']'");
  if (rest.front() == '-' || rest.front() == ']')
    throw malformed(pattern, "a '[' needs at least one character, and '-' and ']' a '\\' in front");
  if (rest.front() == '\\') rest.remove_prefix(1);
  if (rest.empty()) throw malformed(pattern, "'[' without ']'");
  const CodePoint c = decode(rest);
  if (!c.valid) throw malformed(pattern, "it is not UTF-8");
  rest.remove_prefix(c.length);
  if (rest.empty()) throw malformed(pattern, "'[' without ']'");
  return c.value;
}

// [...], from behind its '[' (Go's path/filepath, Match).
PatternStep read_set(std::string_view& rest, std::string_view pattern) {
  PatternStep step;
  step.kind = PatternStep::Kind::set;
  if (rest.starts_with('^')) {
    step.negated = true;
    rest.remove_prefix(1);
  }
  while (step.ranges.empty() || rest.front() != ']') {
    const char32_t low = read_member(rest, pattern);
    char32_t high = low;
    if (rest.front() == '-') {
      rest.remove_prefix(1);
      high = read_member(rest, pattern);
    }
    step.ranges.emplace_back(low, high);
  }
  rest.remove_prefix(1);
  return step;
}

}  // namespace

char32_t next_code_point(std::string_view& text) {
  const CodePoint c = decode(text);
  text.remove_prefix(c.length);
  return c.valid ? c.value : 0x110000 + c.value;
}

bool takes(const PatternStep& step, char32_t c) {
  switch (step.kind) {
    case PatternStep::Kind::literal:
      return c == step.value;
    case PatternStep::Kind::any:
    case PatternStep::Kind::star:
      return c != '/';
    case PatternStep::Kind::set: {
      const bool inside =
          std::any_of(step.ranges.begin(), step.ranges.end(),
                      [c](const auto& range) { return range.first <= c && c <= range.second; });
      return inside != step.negated;
    }
    case PatternStep::Kind::everything:
    case PatternStep::Kind::in_directories:
      return true;
    case PatternStep::Kind::directories:
      return false;
  }
  return false;
}

Error malformed(std::string_view pattern, const char* why) {
  return Error("pattern " + slipway::quoted(pattern) + " is malformed: " + why);
}

PatternSteps compile(std::string_view pattern, bool double_star) {
  PatternSteps steps;
  for (std::string_view rest = pattern; !rest.empty();) {
    if (double_star && rest.starts_with("**")) {
      rest.remove_prefix(2);
      if (rest.starts_with('/')) rest.remove_prefix(1);
      if (rest.empty()) {
        steps.push_back({PatternStep::Kind::everything, 0, false, {}});
      } else {
        steps.push_back({PatternStep::Kind::directories, 0, false, {}});
        steps.push_back({PatternStep::Kind::in_directories, 0, false, {}});
      }
    } else if (rest.front() == '*') {
      rest.remove_prefix(1);
      steps.push_back({PatternStep::Kind::star, 0, false, {}});
    } else if (rest.front() == '?') {
      rest.remove_prefix(1);
      steps.push_back({PatternStep::Kind::any, 0, false, {}});
    } else if (rest.front() == '[') {
      rest.remove_prefix(1);
      steps.push_back(read_set(rest, pattern));
    } else {
      if (rest.front() == '\\') rest.remove_prefix(1);
      if (rest.empty()) throw malformed(pattern, "nothing follows its last '\\'");
      steps.push_back({PatternStep::Kind::literal, next_code_point(rest), false, {}});
    }
  }
  return steps;
}

Places::Places(const PatternSteps& steps) : steps_(steps) {
  if (steps.size() < small_.size()) {
    now_ = std::span(small_).first(steps.size() + 1);
    next_ = std::span(small_next_).first(steps.size() + 1);
  } else {
    large_.resize(2 * (steps.size() + 1));
    now_ = std::span(large_).first(steps.size() + 1);
    next_ = std::span(large_).last(steps.size() + 1);
  }
  std::fill(now_.begin(), now_.end(), '\0');
  now_[0] = 1;
  skip_empty(now_);
}
void Places::advance(std::string_view text) {
  while (!text.empty() && alive()) advance(next_code_point(text));
}

bool Places::alive() const {
  return std::find(now_.begin(), now_.end(), 1) != now_.end();
}

void Places::advance(char32_t c) {
  std::fill(next_.begin(), next_.end(), '\0');
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (now_[i] == 0 || !takes(steps_[i], c)) continue;
    const PatternStep::Kind kind = steps_[i].kind;
    const bool stays = kind == PatternStep::Kind::star || kind == PatternStep::Kind::everything ||
                       kind == PatternStep::Kind::in_directories;
    next_[stays ? i : i + 1] = 1;
    if (kind == PatternStep::Kind::in_directories && c == '/') next_[i + 1] = 1;
  }
  skip_empty(next_);
  std::swap(now_, next_);
}

void Places::skip_empty(std::span<char> flags) const {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (flags[i] == 0) continue;
    const PatternStep::Kind kind = steps_[i].kind;
    if (kind == PatternStep::Kind::star || kind == PatternStep::Kind::everything) flags[i + 1] = 1;
    if (kind == PatternStep::Kind::directories) flags[i + 1] = flags[i + 2] = 1;
  }
}

}  // namespace slipway
