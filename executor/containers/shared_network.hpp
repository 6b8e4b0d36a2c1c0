// Networks that containers share: making one, removing it, and taking containers that run in and
// out.
#pragma once

#include <cache/containers/networks.hpp>
#include <cache/containers/store.hpp>
#include <ir/error.hpp>

#include <functional>
#include <string>
#include <vector>

namespace slipway {

class Store;

// Where the subnet is empty one is chosen that neither this machine nor another network has; the
// gateway is its first address where that is empty. Throws Error where these do not fit.
Network create_network(Store& store, const Network& network);

// Throws Error: containers are in it.
void remove_network(Store& store, const Network& network);

struct NetworkUser {
  std::string id;
  std::string name;
  std::string address;  // "10.89.0.2"
  std::string mac;      // "02:42:0a:59:00:02"
};
// The containers that are in it at the moment. Throws Error.
std::vector<NetworkUser> network_users(Store& store, const Network& network);

struct NetworkPlace {
  std::vector<std::string> aliases;
  std::string address;  // empty: any
};
// A container that runs, until it stops. Without root: in the container's user namespace
// (join.hpp). Throws Error.
void connect_to_network(Store& store, const Container& container, const Network& network,
                        const NetworkPlace& place,
                        const std::function<void(const Diagnostic&)>& note);
void disconnect_from_network(Store& store, const Container& container, const Network& network);

}  // namespace slipway
