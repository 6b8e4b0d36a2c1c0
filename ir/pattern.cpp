#include <ir/code_point.hpp>
#include <ir/error.hpp>
#include <ir/pattern.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace slipway {
namespace {

// One step of a pattern. Both kinds of patterns, match_path's and the ignore rules', become such
// steps; what a step takes is code points, so that '?' is one character of any script.
struct Step {
  enum class Kind {
    literal,        // `value`
    any,            // ?: one, but not '/'
    set,            // [a-z], [^a-z]
    star,           // *: any number, but no '/'
    everything,     // ** at the end: any number
    directories,    // **/ in front of more: nothing, or anything that ends in '/'
    in_directories  // the inside of `directories`, always the next step
  };
  Kind kind = Kind::literal;
  char32_t value = 0;
  bool negated = false;
  std::vector<std::pair<char32_t, char32_t>> ranges;
};
using Steps = std::vector<Step>;

// Stray bytes get numbers behind Unicode's last, so each equals only itself.
char32_t next_code_point(std::string_view& text) {
  const CodePoint c = decode(text);
  text.remove_prefix(c.length);
  return c.valid ? c.value : 0x110000 + c.value;
}

bool takes(const Step& step, char32_t c) {
  switch (step.kind) {
    case Step::Kind::literal:
      return c == step.value;
    case Step::Kind::any:
    case Step::Kind::star:
      return c != '/';
    case Step::Kind::set: {
      const bool inside =
          std::any_of(step.ranges.begin(), step.ranges.end(),
                      [c](const auto& range) { return range.first <= c && c <= range.second; });
      return inside != step.negated;
    }
    case Step::Kind::everything:
    case Step::Kind::in_directories:
      return true;
    case Step::Kind::directories:
      return false;
  }
  return false;
}

Error malformed(std::string_view pattern, const char* why) {
  return Error("pattern " + slipway::quoted(pattern) + " is malformed: " + why);
}

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
Step read_set(std::string_view& rest, std::string_view pattern) {
  Step step;
  step.kind = Step::Kind::set;
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

// With `double_star`, ** has its meaning of ignore rules; without, it is two stars.
Steps compile(std::string_view pattern, bool double_star) {
  Steps steps;
  for (std::string_view rest = pattern; !rest.empty();) {
    if (double_star && rest.starts_with("**")) {
      rest.remove_prefix(2);
      if (rest.starts_with('/')) rest.remove_prefix(1);
      if (rest.empty()) {
        steps.push_back({Step::Kind::everything, 0, false, {}});
      } else {
        steps.push_back({Step::Kind::directories, 0, false, {}});
        steps.push_back({Step::Kind::in_directories, 0, false, {}});
      }
    } else if (rest.front() == '*') {
      rest.remove_prefix(1);
      steps.push_back({Step::Kind::star, 0, false, {}});
    } else if (rest.front() == '?') {
      rest.remove_prefix(1);
      steps.push_back({Step::Kind::any, 0, false, {}});
    } else if (rest.front() == '[') {
      rest.remove_prefix(1);
      steps.push_back(read_set(rest, pattern));
    } else {
      if (rest.front() == '\\') rest.remove_prefix(1);
      if (rest.empty()) throw malformed(pattern, "nothing follows its last '\\'");
      steps.push_back({Step::Kind::literal, next_code_point(rest), false, {}});
    }
  }
  return steps;
}

// All places a pattern can be in after the text so far: one flag per step, and one for its end.
// Linear in the text for a given pattern, whatever the two are.
class Places {
 public:
  explicit Places(const Steps& steps) : steps_(steps) {
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
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  void advance(std::string_view text) {
    while (!text.empty() && alive()) advance(next_code_point(text));
  }

  bool alive() const { return std::find(now_.begin(), now_.end(), 1) != now_.end(); }
  bool at_end() const { return now_.back() != 0; }

 private:
  void advance(char32_t c) {
    std::fill(next_.begin(), next_.end(), '\0');
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (now_[i] == 0 || !takes(steps_[i], c)) continue;
      const Step::Kind kind = steps_[i].kind;
      const bool stays = kind == Step::Kind::star || kind == Step::Kind::everything ||
                         kind == Step::Kind::in_directories;
      next_[stays ? i : i + 1] = 1;
      if (kind == Step::Kind::in_directories && c == '/') next_[i + 1] = 1;
    }
    skip_empty(next_);
    std::swap(now_, next_);
  }

  // Steps that may take nothing; they lead only forwards, so one pass sees all.
  void skip_empty(std::span<char> flags) const {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (flags[i] == 0) continue;
      const Step::Kind kind = steps_[i].kind;
      if (kind == Step::Kind::star || kind == Step::Kind::everything) flags[i + 1] = 1;
      if (kind == Step::Kind::directories) flags[i + 1] = flags[i + 2] = 1;
    }
  }

  const Steps& steps_;
  std::array<char, 64> small_;
  std::array<char, 64> small_next_;
  std::vector<char> large_;
  std::span<char> now_;
  std::span<char> next_;
};

// filepath.Clean of Go, for '/'.
std::string clean(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::vector<std::string_view> names;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t slash = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, slash - start);
    if (name == "..") {
      if (!names.empty() && names.back() != "..") {
        names.pop_back();
      } else if (!absolute) {
        names.push_back(name);
      }
    } else if (!name.empty() && name != ".") {
      names.push_back(name);
    }
    start = slash + 1;
  }
  std::string result = absolute ? "/" : "";
  for (const std::string_view name : names) {
    if (result.size() > (absolute ? 1u : 0u)) result += '/';
    result += name;
  }
  return result.empty() ? "." : result;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\n\v\f\r";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// One rule. The simple forms have meanings of their own (**.c also matches what ends in ".c", which
// **/ in front of more would not) and are by far the most frequent, so they are told apart.
struct Rule {
  enum class Form { exact, prefix, suffix, steps };
  std::size_t number = 0;  // in the list that was given
  bool reinclude = false;
  Form form = Form::exact;
  std::string text;  // exact: all of it; prefix, suffix: without **
  Steps steps;
  std::string tail;  // steps: the literal bytes a match ends with

  bool matches(std::string_view path) const {
    switch (form) {
      case Form::exact:
        return path == text;
      case Form::prefix:
        return path.starts_with(text);
      case Form::suffix:
        return path.ends_with(text) || (text.starts_with('/') && path == text.substr(1));
      case Form::steps: {
        if (!path.ends_with(tail)) return false;
        Places places(steps);
        places.advance(path);
        return places.at_end();
      }
    }
    return false;
  }

  // Whether something below the directory could match.
  bool may_match_below(std::string_view directory) const {
    const std::string inside = std::string(directory) + "/";
    switch (form) {
      case Form::exact:
        return text.starts_with(inside);
      case Form::prefix:
        return text.starts_with(inside) || inside.starts_with(text);
      case Form::suffix:
        return true;
      case Form::steps: {
        Places places(steps);
        places.advance(inside);
        return places.alive();
      }
    }
    return true;
  }
};

Rule make_rule(std::string_view pattern) {
  Rule rule;
  if (pattern.starts_with('!')) {
    rule.reinclude = true;
    pattern.remove_prefix(1);
    if (pattern.empty()) throw malformed("!", "nothing follows '!'");
  }
  compile(pattern, false);  // filepath.Match decides what is malformed
  const bool special = pattern.find_first_of("*?[]\\") != std::string_view::npos;
  const bool leading = pattern.starts_with("**");
  const std::string_view behind = leading ? pattern.substr(2) : pattern;
  const bool trailing = !leading && pattern.size() > 2 && pattern.ends_with("**");
  const std::string_view before = trailing ? pattern.substr(0, pattern.size() - 2) : pattern;
  const auto plain = [](std::string_view text) {
    return text.find_first_of("*?[]\\") == std::string_view::npos;
  };
  if (!special) {
    rule.form = Rule::Form::exact;
    rule.text = pattern;
  } else if (leading && plain(behind)) {
    rule.form = Rule::Form::suffix;
    rule.text = behind;
  } else if (trailing && plain(before)) {
    rule.form = Rule::Form::prefix;
    rule.text = before;
  } else {
    rule.form = Rule::Form::steps;
    rule.steps = compile(pattern, true);
    const std::size_t last_special = pattern.find_last_of("*?[]\\");
    rule.tail = pattern.substr(last_special + 1);
    // An escaped character, and the '/' that belongs to **/, are not literal text of their own.
    if (pattern[last_special] == '\\') rule.tail.clear();
    if (pattern[last_special] == '*' && rule.tail.starts_with('/')) rule.tail.erase(0, 1);
  }
  return rule;
}

}  // namespace

bool match_path(std::string_view pattern, std::string_view path) {
  const Steps steps = compile(pattern, false);
  // As Go's Match: when something does not fit, the last star takes one byte more. An earlier star
  // never takes more, so a set that takes a '/' behind a star can be missed; Go misses it as well.
  std::size_t step = 0;
  std::string_view rest = path;
  std::size_t star = steps.size();
  std::string_view star_rest;
  for (;;) {
    if (step == steps.size() && rest.empty()) return true;
    if (step < steps.size() && steps[step].kind == Step::Kind::star) {
      star = step++;
      star_rest = rest;
      continue;
    }
    if (step < steps.size() && !rest.empty()) {
      std::string_view after = rest;
      if (takes(steps[step], next_code_point(after))) {
        rest = after;
        ++step;
        continue;
      }
    }
    if (star == steps.size() || star_rest.empty() || star_rest.front() == '/') return false;
    star_rest.remove_prefix(1);
    rest = star_rest;
    step = star + 1;
  }
}

bool has_wildcards(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '*' || pattern[i] == '?' || pattern[i] == '[') return true;
    if (pattern[i] == '\\') ++i;
  }
  return false;
}

struct IgnoreRules::Rules {
  std::vector<Rule> list;

  // The verdict, the rule that gave it, and in `own` which rules matched the path or something
  // above it. `above` is the same of the directory the path lies in; empty: of the root.
  //
  // A rule that could not change the verdict is not looked at, and so does not count as matched
  // for what lies below. That can be seen ("a/b", "!a": a/b stays out), and docker's users have it
  // so.
  std::pair<bool, std::optional<std::size_t>> judge(std::string_view path,
                                                    const std::vector<bool>& above,
                                                    std::vector<bool>& own) const {
    own.assign(list.size(), false);
    bool excluded = false;
    std::optional<std::size_t> deciding;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const bool inherited = i < above.size() && above[i];
      if (!inherited && (list[i].reinclude != excluded || !list[i].matches(path))) continue;
      own[i] = true;
      excluded = !list[i].reinclude;
      deciding = list[i].number;
    }
    return {excluded, deciding};
  }

  // The same from the root downwards.
  std::pair<bool, std::optional<std::size_t>> judge_alone(std::string_view path,
                                                          std::vector<bool>& own) const {
    std::vector<bool> above;
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
      judge(path.substr(0, slash), above, own);
      std::swap(above, own);
    }
    return judge(path, above, own);
  }
};

IgnoreRules::IgnoreRules() : rules_(std::make_unique<Rules>()) {}

IgnoreRules::IgnoreRules(const std::vector<std::string>& patterns) : IgnoreRules() {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const std::string_view pattern = trimmed(patterns[i]);
    if (pattern.empty()) continue;
    try {
      rules_->list.push_back(make_rule(clean(pattern)));
    } catch (const Error& error) {
      throw Error("line " + std::to_string(i + 1) + ": " + error.what());
    }
    rules_->list.back().number = i;
  }
}

IgnoreRules::IgnoreRules(IgnoreRules&&) noexcept = default;
IgnoreRules& IgnoreRules::operator=(IgnoreRules&&) noexcept = default;
IgnoreRules::~IgnoreRules() = default;

bool IgnoreRules::empty() const {
  return rules_->list.empty();
}

bool IgnoreRules::excluded(std::string_view path, const Parent* parent, Parent* own) const {
  Parent unused;
  Parent& result = own == nullptr ? unused : *own;
  if (parent != nullptr) return rules_->judge(path, parent->matched, result.matched).first;
  return rules_->judge_alone(path, result.matched).first;
}

bool IgnoreRules::may_reinclude_below(std::string_view directory) const {
  return std::any_of(rules_->list.begin(), rules_->list.end(), [&](const Rule& rule) {
    return rule.reinclude && rule.may_match_below(directory);
  });
}

std::optional<std::size_t> IgnoreRules::deciding_rule(std::string_view path) const {
  std::vector<bool> own;
  return rules_->judge_alone(path, own).second;
}

}  // namespace slipway
