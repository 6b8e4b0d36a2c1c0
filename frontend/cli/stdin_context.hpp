// A build whose context, or Dockerfile, arrives on standard input.
#pragma once

#include "build_inputs.hpp"

#include <functional>
#include <string>

namespace slipway {

// `slipway build -`: a tar, compressed or not, becomes the context; any other text the Dockerfile
// of a build that has none. Throws Error.
void read_stdin_context(BuildInputs& inputs, const std::function<Store&()>& store);

// All of standard input, up to 64 MiB. Throws Error.
std::string read_stdin_text();

}  // namespace slipway
