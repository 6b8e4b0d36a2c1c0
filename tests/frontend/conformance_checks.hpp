// The build checks in the conformance table.
#pragma once

#include <frontend/parse.hpp>
#include <ir/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace slipway::testing {

struct CheckOutcome {
  // "finding RULE 2:5-2:9 message", then "lines 1-3" where those of the instruction are others than
  // those of the place, then "hint text" where there is one.
  std::vector<std::string> found;
  std::vector<Diagnostic> mistakes;
  std::vector<Diagnostic> warnings;  // about the settings
};

// Whether one of a case's expectations is about checks.
bool asks_for_checks(const std::vector<std::string>& expected);

// Whether the word says how the checks are made, and is no expectation itself.
bool is_check_word(std::string_view word);

// Makes the checks as `slipway build --check` does, or as `check ...` among `expected` says. Images
// are debian, alpine and busybox; others cannot be had.
CheckOutcome check(const ParsedDockerfile& read, const std::vector<std::string>& expected);

}  // namespace slipway::testing
