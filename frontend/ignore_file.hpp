// A .dockerignore, with the place of every rule.
#pragma once

#include <ir/pattern.hpp>
#include <ir/source.hpp>

#include <memory>
#include <string>
#include <vector>

namespace slipway {

struct IgnoreFile {
  std::shared_ptr<const SourceFile> source;  // null: there is none, and there are no rules
  std::vector<std::string> patterns;  // without comments and blank lines, cleaned as docker does
  std::vector<SourceSpan> places;     // of each: what is written between the blanks of its line
};

IgnoreFile read_ignore_file(std::shared_ptr<const SourceFile> source);

// Throws Error with every malformed pattern, at its place.
IgnoreRules ignore_rules(const IgnoreFile& file);

// Where each rule stands and what it says, for messages: `.dockerignore:3: "*.log"`.
std::vector<std::string> rule_places(const IgnoreFile& file);

}  // namespace slipway
