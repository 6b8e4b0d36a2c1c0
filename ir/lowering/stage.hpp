// One stage, from its base to its last instruction.
#pragma once

#include <ir/lowering/mistakes.hpp>
#include <ir/lowering/stage_state.hpp>

#include <vector>

namespace slipway {

// `states` holds the stages in front of this one; those that it needs are lowered already.
StageState lower_stage(Lowering& lowering, const std::vector<StageState>& states,
                       const StagePlan& plan, Mistakes& mistakes);

}  // namespace slipway
