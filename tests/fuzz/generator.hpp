// Random Dockerfiles that are valid: whatever the choices, slipway has to take them without a word.
//
// All instructions, flags and forms of docs/reference.md of moby/buildkit, in all the ways they can
// be laid out. What is written knows what its variables hold, so that a ${v:?m} is only written
// where v has a value, and a --chmod is a mode after expansion too.
#pragma once

#include "choices.hpp"

#include <string>

namespace slipway::fuzz {

std::string random_dockerfile(Choices& choices);

}  // namespace slipway::fuzz
