// The flags of an instruction: --name or --name=value before its arguments.
#pragma once

#include <frontend/statements.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// A flag as its text counts: quotes and escapes taken away.
Fragment unquoted_flag(const Fragment& flag, char escape);

struct FlagRule {
  enum class Kind { boolean, value, list };  // list: may be repeated
  std::string_view name;
  Kind kind = Kind::value;
};

class Flags {
 public:
  // Reports unknown and repeated flags, missing and unwanted values.
  Flags(const Statement& statement, const std::vector<FlagRule>& rules, char escape,
        Report& report);

  std::optional<Fragment> value(std::string_view name) const;
  std::vector<Fragment> list(std::string_view name) const;
  std::optional<bool> boolean(std::string_view name) const;

 private:
  std::map<std::string, std::vector<Fragment>, std::less<>> values_;
};

// An instruction that has none of its own.
void refuse_flags(const Statement& statement, char escape, Report& report);
// An instruction that does not even look at them.
void ignore_flags(const Statement& statement, Report& report);

}  // namespace slipway
