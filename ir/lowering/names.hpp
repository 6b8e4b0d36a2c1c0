// What progress shows: "[build 2/5] RUN make". BuildKit's shapes, which people's log tools know.
#pragma once

#include <ir/lowering/stage_state.hpp>

#include <set>
#include <string>
#include <string_view>

namespace slipway {

// The step's name with the next number.
std::string next_step_name(StageState& stage, std::string_view text);

// An instruction as shown: its keyword in capitals, variables that have a value replaced ($v and
// ${v}, not between single quotes, not behind a '\'), `masked` ones by "****".
std::string shown_text(std::string_view text, const Scope& scope,
                       const std::set<std::string>& masked = {});

}  // namespace slipway
