// Expansion: a word's value in a scope (reference.md#environment-replacement).
#pragma once

#include <ir/word.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// The variables an instruction sees. Fixed at its start: ENV A=2 B=$A uses the old A.
//
// A variable may be unknown: its value depends on an image that was not looked at, or on a line with
// a mistake.
class Scope {
 public:
  void set(std::string name, std::string value);
  void unset(std::string_view name);
  void set_unknown(std::string name);
  // Whatever is not set may be, too.
  void set_rest_unknown() { rest_unknown_ = true; }

  // Nothing where it is not set or not known.
  std::optional<std::string_view> find(std::string_view name) const;
  bool is_unknown(std::string_view name) const;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
  std::set<std::string, std::less<>> unknown_;
  bool rest_unknown_ = false;
};

// Thrown where a word has no value that could be judged: an unknown variable in it, or a mistake
// that was reported before.
struct UnknownValue {};

struct Expansion {
  std::string text;
  std::set<std::string> used;  // every variable read
  // Those of them that had no value, whether a default stood in for it or not, and where.
  std::map<std::string, SourceSpan> unset;
};

// Throws Error, at the variable, where ${v:?m} has no value or a pattern is malformed. Throws
// UnknownValue.
Expansion expand(const Word& word, const Scope& scope);

// The same, split at white space that is not quoted (EXPOSE).
std::vector<std::string> expand_list(const Word& word, const Scope& scope);

}  // namespace slipway
