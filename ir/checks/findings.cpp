#include <ir/checks/findings.hpp>
#include <ir/nearest.hpp>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <optional>

namespace slipway {
namespace {

// Longer than any name of a variable or a rule that somebody mistyped.
constexpr std::size_t longest_option = 256;
constexpr std::size_t most_edits = 2;  // BuildKit's util/suggest

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The piece of `rest` up to `separator`, which is taken away with it.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view piece = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return piece;
}

// Go's strconv.ParseBool.
std::optional<bool> boolean(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "true", "True", "TRUE"})
    if (text == yes) return true;
  for (const std::string_view no : {"0", "f", "F", "false", "False", "FALSE"})
    if (text == no) return false;
  return std::nullopt;
}

void read_rules(std::string_view value, bool& all, std::set<std::string, std::less<>>& rules) {
  all = value == "all";
  rules.clear();
  while (!all && !value.empty())
    if (const std::string_view name = trimmed(take(value, ',')); !name.empty())
      rules.emplace(name);
}

// The value of a comment that is `check = value`; so far as BuildKit reads it, which is up to the
// first blank.
std::optional<std::string_view> check_value(std::string_view comment) {
  comment = trimmed(comment);
  const std::size_t equals = comment.find('=');
  if (equals == comment.npos) return std::nullopt;
  const std::string_view name = trimmed(comment.substr(0, equals));
  constexpr std::string_view check = "check";
  const bool is_check = std::equal(name.begin(), name.end(), check.begin(), check.end(),
                                   [](unsigned char a, char b) { return std::tolower(a) == b; });
  std::string_view value = trimmed(comment.substr(equals + 1));
  if (!is_check || value.empty()) return std::nullopt;
  return take(value, ' ');
}

// The settings with those of the first `check=` of the comments added. One that cannot be read
// counts for nothing.
CheckSettings merged(CheckSettings settings, const std::vector<std::string>& comments) {
  for (const std::string& comment : comments) {
    const auto value = check_value(comment);
    if (!value) continue;
    try {
      CheckSettings local = parse_check_settings(*value);
      settings.skip_all |= local.skip_all;
      settings.experimental_all |= local.experimental_all;
      settings.skip.merge(local.skip);
      settings.experimental.merge(local.experimental);
    } catch (const Error&) {
      return settings;  // as BuildKit: a comment is no place for a mistake
    }
    return settings;
  }
  return settings;
}

// Levenshtein's distance, or more than `most_edits`. Only the cells near the diagonal can be less.
std::size_t edits(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > most_edits || b.size() > longest_option) return most_edits + 1;
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

bool CheckSettings::wants(const CheckRule& rule) const {
  switch (rule.level) {
    case CheckRule::Level::experimental:
      return experimental_all || experimental.contains(rule.name);
    case CheckRule::Level::own:
      if (!own) return false;
      break;
    case CheckRule::Level::taste:
      if (!taste) return false;
      break;
    case CheckRule::Level::standard:
      break;
  }
  return !skip_all && !skip.contains(rule.name);
}

CheckSettings parse_check_settings(std::string_view text) {
  CheckSettings settings;
  text = trimmed(text);
  // Three options at most: what follows the third one's ';' belongs to its value, as in BuildKit.
  for (int left = 3; !text.empty() && left > 0; --left) {
    const std::string_view option = left > 1 ? take(text, ';') : std::exchange(text, {});
    const std::size_t equals = option.find('=');
    const std::string_view name = trimmed(option.substr(0, equals));
    if (equals == option.npos) {
      throw Error("invalid check option " + quoted(option))
          .hint("options are skip=RULE,RULE or skip=all, error=true and experimental=RULE, with ; "
                "between them");
    }
    const std::string_view value = trimmed(option.substr(equals + 1));
    if (name == "skip") {
      read_rules(value, settings.skip_all, settings.skip);
    } else if (name == "experimental") {
      read_rules(value, settings.experimental_all, settings.experimental);
    } else if (name == "error") {
      const auto error = boolean(value);
      if (!error) {
        throw Error("the check option error is true or false, not " + quoted(value))
            .hint("write error=true");
      }
      settings.error = *error;
    } else {
      throw Error("invalid check option " + quoted(name))
          .hint(did_you_mean(name, {"skip", "error", "experimental"},
                             "options are skip=, error= and experimental="));
    }
  }
  return settings;
}

std::vector<Diagnostic> unknown_rules(const CheckSettings& settings, const SourceSpan& span) {
  const std::vector<std::string> known = check_rule_names();
  std::vector<Diagnostic> warnings;
  for (const auto* names : {&settings.skip, &settings.experimental}) {
    for (const std::string& name : *names) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      warnings.push_back(
          {"there is no check " + quoted(name), span, did_you_mean(name, known), {}});
    }
  }
  return warnings;
}

Diagnostic diagnostic_of(const Finding& finding) {
  return {finding.message + " [" + std::string(finding.rule->name) + "]",
          finding.span ? finding.span : finding.lines, finding.hint, {}};
}

void Findings::add(std::string_view rule, const std::vector<std::string>& comments,
                   Finding finding) {
  finding.rule = &check_rule(rule);
  if (!(comments.empty() ? settings_ : merged(settings_, comments)).wants(*finding.rule)) return;
  if (!finding.span) finding.span = finding.lines;
  found_.push_back(std::move(finding));
}

std::vector<Finding> Findings::take() {
  std::stable_sort(found_.begin(), found_.end(), [](const Finding& a, const Finding& b) {
    return a.lines.line < b.lines.line;
  });
  return std::exchange(found_, {});
}

std::string check_violation(const CheckSettings& settings, const std::vector<Finding>& findings) {
  if (!settings.error) return {};
  std::set<std::string_view> names;
  for (const Finding& finding : findings)
    if (!finding.rule->is_own()) names.insert(finding.rule->name);
  if (names.empty()) return {};
  std::string text = "lint violation found for rules: ";
  for (const std::string_view name : names) {
    if (!text.ends_with(' ')) text += ", ";
    text += name;
  }
  return text;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& options) {
  const std::string* best = nullptr;
  std::size_t fewest = most_edits + 1;
  for (const std::string& option : options) {
    if (option == word) return {};
    if (const std::size_t distance = edits(word, option); distance < fewest) {
      fewest = distance;
      best = &option;
    }
  }
  return best == nullptr ? std::string() : *best;
}

}  // namespace slipway
