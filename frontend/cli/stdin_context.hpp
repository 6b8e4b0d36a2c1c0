// A build whose context, or Dockerfile, arrives on standard input.
#pragma once

#include "build_inputs.hpp"

#include <functional>
#include <string>

namespace slipway {

// `slipway build -`: a tar, compressed or not, becomes the context, and its Dockerfile is read; any
// other text is the Dockerfile of a build with an empty context, compressed or not. `file` is that
// of -f. Throws Error.
void read_stdin_context(BuildInputs& inputs, const std::string& file,
                        const std::function<Store&()>& store);

// All of standard input, up to 64 MiB. Throws Error.
std::string read_stdin_text();

}  // namespace slipway
