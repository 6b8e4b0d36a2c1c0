// Which checks a build asks for.
#pragma once

#include <ir/checks/findings.hpp>
#include <ir/instruction.hpp>

#include <map>
#include <string>
#include <vector>

namespace slipway {

// The settings of BUILDKIT_DOCKERFILE_CHECK among the build arguments or, if it is not among them,
// of the directive `check`. Adds a warning for every rule named there that does not exist. Throws
// Error, at the directive, for what cannot be read.
CheckSettings check_settings(const Dockerfile& dockerfile,
                             const std::map<std::string, std::string>& build_args,
                             std::vector<Diagnostic>& warnings);

}  // namespace slipway
