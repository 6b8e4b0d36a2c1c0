// Path patterns: .dockerignore's and those of COPY and ADD.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Go's filepath.Match on one whole path: * and ? stop at '/', [a-z] [^a-z], \ escapes. Throws
// Error on a malformed pattern.
bool match_path(std::string_view pattern, std::string_view path);
// True if the text holds *, ? or [ that is not escaped.
bool has_wildcards(std::string_view pattern);

// Throws Error if this is no pattern of an ignore rule, with or without '!' in front.
void require_ignore_pattern(std::string_view pattern);

// The rules of a .dockerignore, or of --exclude, with the meaning of moby/patternmatcher: later
// rules win, ! re-includes, ** crosses directories, a rule covers what lies below a match.
class IgnoreRules {
 public:
  IgnoreRules();
  // One pattern a line. Throws Error naming the line where one is malformed.
  explicit IgnoreRules(const std::vector<std::string>& patterns);
  IgnoreRules(IgnoreRules&&) noexcept;
  IgnoreRules& operator=(IgnoreRules&&) noexcept;
  ~IgnoreRules();

  bool empty() const;

  // The verdict on a directory, handed down to its entries, so that a walk matches each entry
  // against its own name and not each of its parents again.
  struct Parent {
    std::vector<std::uint32_t> matched;  // rules that matched the directory or something above
  };
  // Whether the path (relative, '/'-separated, cleaned) is excluded. `own`, if given, receives
  // what the path's entries need; `parent` is that of the directory it lies in (null: the root).
  bool excluded(std::string_view path, const Parent* parent = nullptr, Parent* own = nullptr) const;
  // False if nothing below the excluded directory can be re-included: the walk need not enter.
  bool may_reinclude_below(std::string_view directory) const;
  // The rule that decided last on the path, counted from 0 in `patterns`; empty: none matched.
  std::optional<std::size_t> deciding_rule(std::string_view path) const;

 private:
  struct Rules;
  std::unique_ptr<Rules> rules_;
};

}  // namespace slipway
