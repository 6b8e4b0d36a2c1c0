// What has to hold for a Dockerfile that was read.
#pragma once

#include <ir/instruction.hpp>
#include <ir/lower.hpp>

#include <optional>

namespace slipway::fuzz {

// Stages, instructions and directives stand inside the text, in its order, and say what they are.
void require_whole(const Dockerfile& dockerfile);

// Lowers it, with a world that has every image. Requires that doing so twice gives one graph, and
// that every mistake has its place; throws none. Nothing if there were mistakes.
std::optional<Lowered> try_lowering(const Dockerfile& dockerfile);

// The same, throwing Error.
Lowered lower_anywhere(const Dockerfile& dockerfile);

}  // namespace slipway::fuzz
