#include <ir/checks/rules.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <array>

namespace slipway {
namespace {

using Level = CheckRule::Level;

constexpr std::array rules = {
    CheckRule{"ConsistentInstructionCasing",
              "All commands within the Dockerfile should use the same casing (either upper or lower)"},
};

}  // namespace

std::span<const CheckRule> check_rules() { return rules; }

const CheckRule& check_rule(std::string_view name) {
  const auto found = std::find_if(rules.begin(), rules.end(),
                                  [&](const CheckRule& rule) { return rule.name == name; });
  if (found == rules.end()) throw Error("there is no check " + quoted(name));
  return *found;
}

}  // namespace slipway
