#pragma once

#include <cache/file_descriptor.hpp>

namespace slipway {

// slipway-network as a file in memory that nobody can change. Throws Error.
FileDescriptor network_program();

}  // namespace slipway
