#include "../command.hpp"

#include <ir/error.hpp>

#include <CLI/CLI.hpp>

namespace slipway {

std::function<int()> declare_stop(CLI::App&, const Globals&) {
  return []() -> int { throw Error("not built yet"); };
}

}  // namespace slipway
