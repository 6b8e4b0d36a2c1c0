// slipway container-hook: what a container's monitor, which is small, has this program do for it.
#include "../command.hpp"

#include <ir/error.hpp>

#include <CLI/CLI.hpp>

namespace slipway {

std::function<int()> declare_container_hook(CLI::App&, const Globals&) {
  return []() -> int { throw Error("not built yet"); };
}

}  // namespace slipway
