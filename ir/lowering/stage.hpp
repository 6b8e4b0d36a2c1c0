// One stage, from its base to its last instruction.
#pragma once

#include <ir/lowering/stage_state.hpp>

#include <vector>

namespace slipway {

// Lowers the stage into its place in `states`; the stages that it needs are lowered already.
void lower_stage(Lowering& lowering, std::vector<StageState>& states, const StagePlan& plan);

}  // namespace slipway
