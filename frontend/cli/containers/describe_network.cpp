#include "describe_network.hpp"

#include "../table.hpp"

#include <cache/store.hpp>
#include <executor/containers/network/addresses.hpp>
#include <executor/containers/network/frames.hpp>
#include <executor/containers/shared_network.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

bool is_in(const Container& container, const Network& network) {
  const std::string& own = container.config.network;
  return own == network.name || (network.name == "bridge" && (own == "default" || own.empty()));
}

// Of a standard network those that run.
std::vector<NetworkUser> users_of(Store& store, const Network& network) {
  if (!is_standard(network)) return network_users(store, network);
  std::vector<NetworkUser> users;
  for (const Container& container : store.containers().list()) {
    if (!is_in(container, network)) continue;
    const ContainerState state = store.containers().state(container.id);
    if (state.alive()) users.push_back({container.id, container.name, state.address, {}});
  }
  return users;
}

Json containers_of(Store& store, const Network& network) {
  Json containers = Json::object();
  const auto range = parse_range(network.subnet);
  for (const NetworkUser& user : users_of(store, network)) {
    const std::string length = range ? std::to_string(range->length) : "24";
    containers[user.id] = {{"Name", user.name},
                           {"EndpointID", user.id},
                           {"MacAddress", user.mac},
                           {"IPv4Address", user.address.empty() ? "" : user.address + "/" + length},
                           {"IPv6Address", ""}};
  }
  return containers;
}

}  // namespace

const std::vector<Network>& standard_networks() {
  // The digests of their names, so that they are the same everywhere.
  static const std::vector<Network> networks = [] {
    std::vector<Network> made(3);
    made[0].id = "17f29b073143d8cd97b5bbe492bdeffec1c5fee55cc1fe2112c8b9335f8b6121";
    made[0].name = "bridge";
    made[1].id = "4740ae6347b0172c01254ff55bae5aff5199f4446e7f6d643d40185b3f475145";
    made[1].name = "host";
    made[2].id = "140bedbf9c3f6d56a9846d2ba7088798683f4da0c248231336e6a05679e4fdfe";
    made[2].name = "none";
    return made;
  }();
  return networks;
}

bool is_standard(const Network& network) {
  return std::any_of(standard_networks().begin(), standard_networks().end(),
                     [&network](const Network& each) { return each.id == network.id; });
}

std::string_view driver_of(const Network& network) {
  if (!is_standard(network)) return "bridge";
  return network.name == "none" ? std::string_view("null") : std::string_view(network.name);
}

std::optional<Network> find_network(Store& store, std::string_view name_or_id) {
  std::vector<Network> all = standard_networks();
  for (Network& network : store.networks().list()) all.push_back(std::move(network));
  for (const Network& network : all) {
    if (network.name == name_or_id || network.id == name_or_id) return network;
  }
  if (name_or_id == "default") return standard_networks().front();
  std::optional<Network> found;
  for (const Network& network : all) {
    if (name_or_id.empty() || !network.id.starts_with(name_or_id)) continue;
    if (found) {
      throw Error("network " + std::string(name_or_id) + " is ambiguous")
          .hint("several have an ID that begins so");
    }
    found = network;
  }
  return found;
}

Network get_network(Store& store, std::string_view name_or_id) {
  if (auto found = find_network(store, name_or_id)) return std::move(*found);
  NoSuchNetwork missing("network " + std::string(name_or_id) + " not found");
  missing.hint("slipway network ls");
  throw missing;
}

Described describe_network(Store& store, const Network& network) {
  Json json;
  json["Name"] = network.name;
  json["Id"] = network.id;
  json["Created"] = time_text(network.created / 1'000'000'000);
  json["Scope"] = "local";
  json["Driver"] = driver_of(network);
  json["EnableIPv4"] = true;
  json["EnableIPv6"] = false;
  json["IPAM"]["Driver"] = "default";
  json["IPAM"]["Options"] = nullptr;
  json["IPAM"]["Config"] = Json::array();
  if (!network.subnet.empty()) {
    json["IPAM"]["Config"].push_back({{"Subnet", network.subnet}, {"Gateway", network.gateway}});
  }
  json["Internal"] = network.internal;
  json["Attachable"] = false;
  json["Ingress"] = false;
  json["ConfigFrom"]["Network"] = "";
  json["ConfigOnly"] = false;
  json["Containers"] = containers_of(store, network);
  json["Options"] = Json::object();
  json["Labels"] = Json::object();
  for (const auto& [key, value] : network.labels) json["Labels"][key] = value;
  return {json.dump(-1, ' ', false, Json::error_handler_t::replace), [](std::string_view text) {
            return with_maps(text, {"Containers", "Options", "Labels"});
          }};
}

}  // namespace slipway
