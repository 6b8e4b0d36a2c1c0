// Where this machine has its control groups.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct ControlHierarchy {
  bool unified = false;                  // version 2
  std::filesystem::path mount;
  std::filesystem::path own;             // the group this process is in; `mount` if it is not shown
  std::vector<std::string> controllers;  // of version 2: see cgroup.controllers of each group

  bool operator==(const ControlHierarchy&) const = default;
};

// From the texts of /proc/self/mountinfo and /proc/self/cgroup. A hierarchy that is mounted twice
// counts where it is mounted first.
std::vector<ControlHierarchy> read_control_hierarchies(std::string_view mountinfo,
                                                       std::string_view own_groups);

// This machine's. Throws Error where /proc cannot be read.
std::vector<ControlHierarchy> control_hierarchies();

}  // namespace slipway
