// What `slipway fsck` asks of containers and volumes.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace slipway {

class Database;
class StateDirectory;

struct ContainersCheck {
  std::size_t containers = 0;
  std::size_t volumes = 0;
  std::vector<std::string> problems;  // one line each
};

// Every container against its config, its folder, its layers and its volumes; what lies in
// containers/ and volumes/ against the rows. `repair`: what somebody who was killed has left is
// removed, and what is missing is made anew, empty. No file of a container that has a row is
// touched, and none of a volume's: what of these cannot be used is only named. Throws Error.
ContainersCheck check_containers(StateDirectory& state, Database& database, bool repair);

}  // namespace slipway
