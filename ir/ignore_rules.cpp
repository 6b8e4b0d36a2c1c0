// Ignore rules: the list, and which of its rules are worth a look for a path.
#include <ir/pattern.hpp>

#include <ir/error.hpp>
#include <ir/pattern_steps.hpp>

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace slipway {
namespace {

constexpr std::string_view special_characters = "*?[]\\";

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

bool plain(std::string_view text) {
  return text.find_first_of(special_characters) == std::string_view::npos;
}

// One rule. The simple forms have meanings of their own (**.c also matches what ends in ".c", which
// **/ in front of more would not) and are by far the most frequent, so they are told apart.
struct Rule {
  enum class Form { exact, prefix, suffix, steps };
  std::size_t number = 0;  // in the list that was given
  bool reinclude = false;
  Form form = Form::exact;
  std::string text;  // exact: all of it; prefix, suffix: without **
  PatternSteps steps;
  std::string head;  // steps: the literal bytes a match begins with
  std::string tail;  // and those it ends with

  bool matches(std::string_view path) const {
    switch (form) {
      case Form::exact:
        return path == text;
      case Form::prefix:
        return path.starts_with(text);
      case Form::suffix:
        return path.ends_with(text) || (text.starts_with('/') && path == text.substr(1));
      case Form::steps: {
        if (!path.starts_with(head) || !path.ends_with(tail)) return false;
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

// A set whose range runs backwards is nothing to filepath.Match, which only finds no character in
// it, but to the regular expression that docker makes of an ignore rule.
void refuse_empty_ranges(const PatternSteps& steps, std::string_view pattern) {
  for (const PatternStep& step : steps)
    for (const auto& [low, high] : step.ranges)
      if (high < low) throw malformed(pattern, "a range in its '[' ends before it begins");
}

Rule make_rule(std::string_view pattern) {
  Rule rule;
  if (pattern.starts_with('!')) {
    rule.reinclude = true;
    pattern.remove_prefix(1);
    if (pattern.empty()) throw malformed("!", "nothing follows '!'");
  }
  compile(pattern, false);  // filepath.Match decides what is malformed
  const bool leading = pattern.starts_with("**");
  const std::string_view behind = leading ? pattern.substr(2) : pattern;
  const bool trailing = !leading && pattern.size() > 2 && pattern.ends_with("**");
  const std::string_view before = trailing ? pattern.substr(0, pattern.size() - 2) : pattern;
  if (plain(pattern)) {
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
    refuse_empty_ranges(rule.steps, pattern);
    rule.head = pattern.substr(0, pattern.find_first_of(special_characters));
    const std::size_t last_special = pattern.find_last_of(special_characters);
    rule.tail = pattern.substr(last_special + 1);
    // An escaped character, and the '/' that belongs to **/, are not literal text of their own.
    if (pattern[last_special] == '\\') rule.tail.clear();
    if (pattern[last_special] == '*' && rule.tail.starts_with('/')) rule.tail.erase(0, 1);
  }
  return rule;
}

std::string_view last_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}
std::string_view first_name(std::string_view path) {
  return path.substr(0, path.find('/'));
}

// Finds the rules that can match a path, so that thousands of literal ones cost no more than a few.
// Each rule is filed once, under the most telling literal part it has.
class RuleIndex {
 public:
  void add(const Rule& rule, std::uint32_t number) {
    using Form = Rule::Form;
    const std::string_view ending = rule.form == Form::steps ? rule.tail : rule.text;
    const std::size_t dot = ending.rfind('.');
    const std::string_view beginning = rule.form == Form::steps ? rule.head : rule.text;
    const std::size_t slash = beginning.find('/');
    if (rule.form == Form::exact) {
      whole_[std::string(rule.text)].push_back(number);
    } else if (rule.form != Form::prefix && ending.find('/') != std::string_view::npos &&
               !last_name(ending).empty()) {
      last_[std::string(last_name(ending))].push_back(number);
    } else if (rule.form != Form::prefix && dot != std::string_view::npos) {
      ending_[std::string(ending.substr(dot))].push_back(number);
    } else if (rule.form != Form::suffix && slash != std::string_view::npos) {
      first_[std::string(beginning.substr(0, slash))].push_back(number);
    } else {
      others_.push_back(number);
    }
  }

  // In the order of the rules, each once. `matched` are further ones, in order.
  void candidates(std::string_view path, const std::vector<std::uint32_t>& matched,
                  std::vector<std::uint32_t>& found) const {
    found.assign(others_.begin(), others_.end());
    found.insert(found.end(), matched.begin(), matched.end());
    add_from(whole_, path, found);
    add_from(last_, last_name(path), found);
    if (const std::size_t dot = path.rfind('.'); dot != std::string_view::npos)
      add_from(ending_, path.substr(dot), found);
    add_from(first_, first_name(path), found);
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
  }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Map = std::unordered_map<std::string, std::vector<std::uint32_t>, Hash, std::equal_to<>>;

  static void add_from(const Map& map, std::string_view key, std::vector<std::uint32_t>& found) {
    if (map.empty()) return;
    if (const auto rules = map.find(key); rules != map.end())
      found.insert(found.end(), rules->second.begin(), rules->second.end());
  }

  Map whole_;   // by the path
  Map last_;    // by its last name
  Map ending_;  // by what stands behind its last '.', with that
  Map first_;   // by its first name
  std::vector<std::uint32_t> others_;
};

}  // namespace

void require_ignore_pattern(std::string_view pattern) {
  const std::string_view text = trimmed(pattern);
  if (!text.empty()) make_rule(clean(text));
}

struct IgnoreRules::Rules {
  std::vector<Rule> list;
  RuleIndex index;

  // The verdict, the rule that gave it, and in `own` which rules matched the path or something
  // above it. `above` is the same of the directory the path lies in; empty: of the root.
  //
  // A rule that could not change the verdict is not looked at, and so does not count as matched
  // for what lies below. That can be seen ("a/b", "!a": a/b stays out), and docker's users have it
  // so.
  std::pair<bool, std::optional<std::size_t>> judge(std::string_view path,
                                                    const std::vector<std::uint32_t>& above,
                                                    std::vector<std::uint32_t>& own) const {
    own.clear();
    bool excluded = false;
    std::optional<std::size_t> deciding;
    // The root cannot be left out.
    if (path.empty() || path == ".") return {excluded, deciding};
    std::vector<std::uint32_t> candidates;
    index.candidates(path, above, candidates);
    auto inherited = above.begin();
    for (const std::uint32_t i : candidates) {
      const bool is_inherited = inherited != above.end() && *inherited == i;
      if (is_inherited) ++inherited;
      if (!is_inherited && (list[i].reinclude != excluded || !list[i].matches(path))) continue;
      own.push_back(i);
      excluded = !list[i].reinclude;
      deciding = list[i].number;
    }
    return {excluded, deciding};
  }

  // The same from the root downwards.
  std::pair<bool, std::optional<std::size_t>> judge_alone(std::string_view path,
                                                          std::vector<std::uint32_t>& own) const {
    std::vector<std::uint32_t> above;
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
    rules_->index.add(rules_->list.back(), static_cast<std::uint32_t>(rules_->list.size() - 1));
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
  std::vector<std::uint32_t> own;
  return rules_->judge_alone(path, own).second;
}

}  // namespace slipway
