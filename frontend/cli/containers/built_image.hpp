// `slipway run --build`: the image that is built for it.
#pragma once

#include "../command.hpp"

#include <string>
#include <vector>

namespace slipway {

struct RunBuild {
  std::string context;  // empty: nothing is built
  std::string file;
  std::string target;
  std::vector<std::string> arguments;
  bool quiet = false;
};

// Builds it as `slipway build` does, with progress on standard error, in a process of its own: so
// this one has no threads of it, and no memory. Gives the image's ID. Throws Error where the build
// could not be begun; what a build says of its failure is said then, and `status` is its exit
// status.
std::string built_image(const RunBuild& build, const Globals& globals, int& status);

}  // namespace slipway
