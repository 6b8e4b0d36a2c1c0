// The build checks: what a Dockerfile may do and better would not (docs/rules of moby/buildkit, and
// slipway's own).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct CheckRule {
  enum class Level {
    standard,      // BuildKit's: on unless skipped
    experimental,  // BuildKit's: on where `experimental=` names it
    own,           // slipway's, about what really hurts: on with --check
    taste,         // slipway's, about what may be meant: on with --check=all
  };
  std::string_view name;         // as in `# check=skip=NAME`
  std::string_view page;         // the last part of its page's address; empty: it has none
  std::string_view description;  // one sentence, the same for every finding
  Level level = Level::standard;

  // Slipway's own rules never fail a build and are in none that did not ask for them.
  bool is_own() const { return level == Level::own || level == Level::taste; }
};

// All rules, sorted by name. A finding of each is made where what it needs is known: in
// frontend/checks from the text alone, in ir/lowering/checks.cpp where values are.
std::span<const CheckRule> check_rules();
std::vector<std::string> check_rule_names();

// The rule of that name, which has to exist.
const CheckRule& check_rule(std::string_view name);

// Where the rule is explained: the address of docker's page for its rules, the command that shows the
// page for ours. Empty where there is none.
std::string check_page(const CheckRule& rule);

}  // namespace slipway
