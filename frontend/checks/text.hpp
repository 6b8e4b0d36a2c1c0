// The checks that need nothing but the text. Those that need values, or to know which stages count,
// are in ir/lowering/checks.hpp.
#pragma once

#include <ir/checks/findings.hpp>
#include <ir/instruction.hpp>

namespace slipway {

// What BuildKit looks for in each instruction by itself; also good where some could not be read.
void check_instructions(const Dockerfile& dockerfile, Findings& findings);

// What it looks for in the file as a whole.
void check_file(const Dockerfile& dockerfile, Findings& findings);

}  // namespace slipway
