// What this machine can do for builds: one row for each thing that can be missing.
#pragma once

#include <string>
#include <vector>

namespace slipway {

struct Ability {
  enum class State {
    works,
    limited,  // something does not work that some builds need
    missing,
  };
  std::string name;     // "linux/arm64"
  State state = State::works;
  std::string meaning;  // what that means for builds
  std::string command;  // what mends it; empty: nothing to mend, or nothing that would
  bool required = false;  // without it most builds fail: it decides the exit status
};

// One subject of `slipway doctor`: a function in a file of its own, listed in doctor.cpp.
using Examine = std::vector<Ability> (*)();

// Which platforms' programs RUN can execute.
std::vector<Ability> examine_platforms();

}  // namespace slipway
