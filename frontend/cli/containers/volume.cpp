// slipway volume: the commands behind that word.
#include "../command.hpp"

namespace slipway {

std::span<const Subcommand> volume_commands() { return {}; }

}  // namespace slipway
