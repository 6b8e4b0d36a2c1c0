// A network as `docker network inspect` has it.
#pragma once

#include "../described.hpp"

#include <cache/containers/networks.hpp>

#include <optional>
#include <string>

namespace slipway {

class Store;

// By name, ID or the beginning of an ID; also those that are always there: bridge, host, none.
// Throws Error: several.
std::optional<Network> find_network(Store& store, const std::string& name);

Described describe_network(Store& store, const Network& network);

}  // namespace slipway
