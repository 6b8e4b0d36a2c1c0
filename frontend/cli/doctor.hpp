// What this machine can do for builds: one row for each thing that can be missing, found out by
// trying it.
#pragma once

#include <executor/user_namespace.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace slipway {

struct Ability {
  std::string name;  // "linux/arm64"
  bool works = false;
  std::string meaning;    // what that is for builds
  std::string mend;       // the command that mends it; empty where it works
  bool required = false;  // without it no RUN can be executed: it decides the exit status
};

// What the subjects know of each other, in their order.
struct Machine {
  std::filesystem::path root;  // of the store
  bool sandbox = false;        // a step ran in the sandbox
  bool chroot = false;         // a step ran by chroot
};

// One subject of `slipway doctor`: a function in a file of its own, listed in doctor.cpp. Leaves
// nothing behind, and this process as it was.
using Examine = std::vector<Ability> (*)(Machine&);

// Who slipway is here: root or a user, with which ids and namespaces.
std::vector<Ability> examine_users(Machine& machine);
// What a step stands on, and a step.
std::vector<Ability> examine_steps(Machine& machine);
// Which limits of RUN can be held.
std::vector<Ability> examine_limits(Machine& machine);
// Programs and agents that some builds need.
std::vector<Ability> examine_programs(Machine& machine);
// Which platforms' programs RUN can execute.
std::vector<Ability> examine_platforms(Machine& machine);
// Where the store is.
std::vector<Ability> examine_store(Machine& machine);

}  // namespace slipway
