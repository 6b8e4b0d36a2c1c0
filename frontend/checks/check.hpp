// All checks of one Dockerfile, without a build: --check.
#pragma once

#include <frontend/parse.hpp>
#include <ir/checks/findings.hpp>
#include <ir/lower.hpp>

#include <vector>

namespace slipway {

struct Checked {
  std::vector<Finding> findings;     // in the order of their lines
  std::vector<Diagnostic> mistakes;  // what keeps it from being built; last, where error=true says
                                     // so, that there are findings
  std::vector<Diagnostic> warnings;  // about the settings
};

// Whose rules are made, beside BuildKit's.
enum class OwnChecks { none, harm, taste };

// Makes the checks that can be made: of a text with mistakes those that look at one instruction; of
// one that lower() refuses whatever it came to. An image that `resolve` gives as not known keeps
// its stage's variables from being checked.
Checked check_dockerfile(const ParsedDockerfile& read, LowerOptions options, OwnChecks own,
                         const ResolveImage& resolve);

}  // namespace slipway
