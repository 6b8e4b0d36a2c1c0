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
class Scope {
 public:
  void set(std::string name, std::string value);
  void unset(std::string_view name);
  std::optional<std::string_view> find(std::string_view name) const;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

struct Expansion {
  std::string text;
  std::set<std::string> used;  // every variable read
  // Those of them that had no value, whether a default stood in for it or not, and where.
  std::map<std::string, SourceSpan> unset;
};

// Throws Error, at the variable, where ${v:?m} has no value or a pattern is malformed.
Expansion expand(const Word& word, const Scope& scope);

// The same, split at white space that is not quoted (EXPOSE).
std::vector<std::string> expand_list(const Word& word, const Scope& scope);

}  // namespace slipway
