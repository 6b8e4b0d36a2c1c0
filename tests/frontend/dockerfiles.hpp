// Every Dockerfile that the tests and samples of this repository have.
#pragma once

#include <string>
#include <vector>

namespace slipway::testing {

// Valid ones and others: the folders of cases, the conformance table, the samples, the corpora of
// the fuzzers, and some hundred from the generator.
const std::vector<std::string>& all_dockerfiles();

}  // namespace slipway::testing
