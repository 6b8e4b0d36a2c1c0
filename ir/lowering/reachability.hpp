// Which stages the target needs.
#pragma once

#include <ir/lower.hpp>
#include <ir/lowering/stages.hpp>

#include <cstddef>

namespace slipway {

// Marks the target, the stages it is built on and those it takes files from, ONBUILD triggers
// included. Asks for base images on the way, because their triggers can name stages; images of
// stages that are not needed are not asked for.
void mark_needed(Stages& stages, std::size_t target, Images& images, const LowerOptions& options,
                 Mistakes& mistakes);

}  // namespace slipway
