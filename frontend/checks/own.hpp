// Slipway's own build checks: what BuildKit's do not look for and what hurts all the same.
//
// Each rule has its page in docs/. They need nothing but the text: a value that only a build knows
// (a variable, what is in the base image) is no reason for a finding.
#pragma once

#include <ir/checks/findings.hpp>
#include <ir/instruction.hpp>

namespace slipway {

// Does nothing unless the settings ask for our own rules. Linear in the text, which is read once
// more.
void check_own(const Dockerfile& dockerfile, Findings& findings);

}  // namespace slipway
