// Which of a plan's items the layer is made of.
#pragma once

#include <executor/files/copy.hpp>

#include <cstddef>
#include <vector>

namespace slipway {

// Positions of the items, in their order. A file that is as it is below is none of it; a directory
// is if it is new or different, or if something in it is in the layer. Contents that the plan does
// not know count as other ones than those below.
std::vector<std::size_t> layer_items(const CopyPlan& plan, const StackView& below);

// Positions of files whose content the plan does not know and must, before that can be said: all
// else of them is as it is below.
std::vector<std::size_t> undecided_items(const CopyPlan& plan, const StackView& below);

}  // namespace slipway
