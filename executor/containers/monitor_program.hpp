#pragma once

#include <string_view>

namespace slipway {

// The executable of slipway-monitor, which is linked into every program that starts containers.
std::string_view monitor_program_bytes();

}  // namespace slipway
