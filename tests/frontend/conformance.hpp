// The conformance table: how many cases each area of the language has.
#pragma once

#include <string>
#include <vector>

namespace slipway::testing {

// Counted by area and printed when the test program ends.
void count_cases(const std::string& area, int cases);

// The Dockerfiles of all cases.
std::vector<std::string> conformance_dockerfiles();

}  // namespace slipway::testing
