// One mistake of a known kind, put into a Dockerfile that has none.
#pragma once

#include "choices.hpp"

#include <ir/instruction.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace slipway::fuzz {

struct Mutant {
  std::string kind;
  std::string text;
  std::uint32_t line = 0;  // where the one mistake is expected
  std::uint32_t column = 0;
};

// One of each kind that the Dockerfile has a place for, at a place that `choices` takes.
std::vector<Mutant> mutants(const Dockerfile& dockerfile, Choices& choices);

}  // namespace slipway::fuzz
