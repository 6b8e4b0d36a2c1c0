// Limits as the files of control groups have them.
#pragma once

#include <ir/resource_limits.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// One value that is written to a file of a group.
struct ControlSetting {
  std::string file;
  std::string value;
  std::string flag;      // what asked for it, for messages
  bool implied = false;  // by another flag: left out where the kernel does not have the file

  bool operator==(const ControlSetting&) const = default;
};

// Those of one controller (memory, cpu, cpuset, pids), in the order they have to be written.
// `unified`: in version 2.
std::vector<ControlSetting> control_settings(const ResourceLimits& limits,
                                             std::string_view controller, bool unified);

}  // namespace slipway
