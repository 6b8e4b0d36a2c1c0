// The conformance table: how many cases each area of the language has.
#pragma once

#include <string>

namespace slipway::testing {

// Counted by area and printed when the test program ends.
void count_cases(const std::string& area, int cases);

}  // namespace slipway::testing
