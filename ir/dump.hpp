// The graph as text, for people and for golden files.
#pragma once

#include <ir/graph.hpp>
#include <ir/lower.hpp>

#include <string>

namespace slipway {

// One vertex a block: number, operation with its fields, inputs, definition digest.
std::string dump(const Lowered& lowered);
std::string dump(const LoweredPlatforms& lowered);
// The same for Graphviz.
std::string dump_dot(const Lowered& lowered);
std::string dump_dot(const LoweredPlatforms& lowered);

}  // namespace slipway
