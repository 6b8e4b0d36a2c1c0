#pragma once

#include <cstddef>
#include <string_view>

namespace slipway {

// The executable of slipway-init, which is linked into every program with a sandbox.
std::string_view init_program_bytes();

}  // namespace slipway
