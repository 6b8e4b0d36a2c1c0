// A .dockerignore, and what it says about paths: those of a small tree, and one from the input's
// last line.
#include "target.hpp"

#include <frontend/parse.hpp>
#include <ir/pattern.hpp>

#include <algorithm>
#include <optional>

namespace slipway::fuzz {
namespace {

// As a walk meets them: a directory before its entries.
constexpr std::string_view tree[] = {"a",     "a/b",       "a/b/c.txt",   "a/b/c.txt/d", ".git",
                                     "build", "build/log", "größe/x.log", "[x]",         "a b"};

// Relative, no empty names, no "." and "..": what a walk of a directory gives.
bool is_clean(std::string_view path) {
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    if (name.empty() || name == "." || name == "..") return false;
    if (end + 1 == path.size()) return false;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return true;
}

// A verdict handed down from directory to directory is the verdict on the whole path.
void require_verdict(const IgnoreRules& rules, const std::vector<std::string>& patterns,
                     std::string_view path) {
  const bool excluded = rules.excluded(path);
  IgnoreRules::Parent above;
  const IgnoreRules::Parent* parent = nullptr;
  bool some_parent_final = false;
  for (std::size_t end = path.find('/'); end != std::string_view::npos;
       end = path.find('/', end + 1)) {
    const std::string_view directory = path.substr(0, end);
    IgnoreRules::Parent own;
    const bool out = rules.excluded(directory, parent, &own);
    require(out == rules.excluded(directory), "a directory's verdict comes from its parents'");
    some_parent_final = some_parent_final || (out && !rules.may_reinclude_below(directory));
    above = std::move(own);
    parent = &above;
  }
  require(excluded == rules.excluded(path, parent), "a path's verdict comes from its parents'");
  require(!some_parent_final || excluded, "below what is out for good, all is out");

  const auto deciding = rules.deciding_rule(path);
  require(deciding || !excluded, "what is out, a rule put out");
  if (!deciding) return;
  require(*deciding < patterns.size(), "the rule that decided is there");
  // As docker does, the rules cut blanks off once more, which a '/' may have kept: "/\v!a" is "!a".
  std::string_view rule = patterns[*deciding];
  rule.remove_prefix(std::min(rule.find_first_not_of(" \t\n\v\f\r"), rule.size()));
  require(excluded == !rule.starts_with('!'), "the rule that decided says what it was");
}

}  // namespace

void try_input(std::string_view input) {
  const std::vector<std::string> patterns = parse_dockerignore(input);
  require(patterns.size() <= input.size(), "no pattern comes from nothing");
  std::optional<IgnoreRules> rules;
  try {
    rules.emplace(patterns);
  } catch (const Error& error) {
    require(!std::string_view(error.what()).empty(), "a mistake has a message");
    return;
  }
  for (const std::string_view path : tree) require_verdict(*rules, patterns, path);
  const std::size_t line = input.find_last_of('\n') + 1;
  const std::string_view own = input.substr(line);
  if (own.size() < 200 && is_clean(own) && !own.empty()) require_verdict(*rules, patterns, own);
}

}  // namespace slipway::fuzz
