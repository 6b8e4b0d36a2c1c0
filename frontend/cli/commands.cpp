#include "command.hpp"

#include <vector>

namespace slipway {

std::span<const Command> commands() {
  static const std::vector<Command> list{
  };
  return list;
}

}  // namespace slipway
