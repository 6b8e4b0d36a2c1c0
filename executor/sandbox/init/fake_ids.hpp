// Ids for a step whose user has but one: what a program asks the kernel to do with others is done by
// init in its place, and remembered.
//
// chown(2) and its kin record the owner in an attribute of the file, which the layer is made from
// (cache/layers/recorded_ids.hpp). setuid(2) and its kin change what getuid(2) and its kin answer,
// for the process and those it starts. Nothing gets a right that it had not: init stands in the
// step's own root with the step's own rights, so whatever it is talked into, the step could do as
// well. stat(2) still shows what is on the disk.
#pragma once

#include "stages.hpp"

namespace slipway::init {

// In the program's process, before the step's own filter. Gives the descriptor of what will be
// asked; the exec closes it.
int intercept_ids();

// In init: carries out one call that waits at `listener`.
void answer_ids(const Orders& orders, int listener);

}  // namespace slipway::init
