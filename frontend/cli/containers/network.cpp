// slipway network: the commands behind that word.
#include "../command.hpp"

namespace slipway {

std::span<const Subcommand> network_commands() { return {}; }

}  // namespace slipway
