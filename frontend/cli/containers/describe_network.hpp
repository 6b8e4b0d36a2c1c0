// A network as `docker network inspect` has it.
#pragma once

#include "../described.hpp"

#include <cache/containers/networks.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace slipway {

class Store;

// Those that are always there, as docker calls them: "bridge", "host", "none". Each container has a
// "bridge" of its own, whatever it is called.
const std::vector<Network>& standard_networks();
bool is_standard(const Network& network);
// "bridge", "host", "null".
std::string_view driver_of(const Network& network);

// By name, ID or the beginning of one, a standard one or of the store. Throws Error: several.
std::optional<Network> find_network(Store& store, std::string_view name_or_id);
Network get_network(Store& store, std::string_view name_or_id);  // throws NoSuchNetwork

Described describe_network(Store& store, const Network& network);

}  // namespace slipway
