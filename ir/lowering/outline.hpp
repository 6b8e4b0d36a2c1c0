// What stages can be given, noted while they are lowered.
#pragma once

#include <ir/lowering/stage_state.hpp>
#include <ir/outline.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

// An ARG of the stage. `inherited`: its value is that from before the first FROM, whose ARG it then
// stands for.
void note_argument(StageState& stage, const Arg::Item& item,
                   const std::optional<std::string>& value, bool inherited);
// A mount of the RUN that the stage is at.
void note_mount(StageState& stage, const RunProcess::Mount& mount);

// Of the target and all it is made from.
Outline outline_of(const Lowering& lowering, const std::vector<StageState>& states,
                   std::size_t target);

}  // namespace slipway
