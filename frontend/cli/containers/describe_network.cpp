#include "describe_network.hpp"

#include "listed.hpp"

#include "../table.hpp"

#include <cache/store.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <string_view>

namespace slipway {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::optional<Network> find_network(Store& store, const std::string& name) {
  for (const std::string_view own : {"bridge", "host", "none"}) {
    if (name != own && !(name == "default" && own == "bridge")) continue;
    Network network;
    network.name = own;
    return network;
  }
  if (auto found = store.networks().find(name)) return found;
  constexpr std::string_view digits = "0123456789abcdef";
  if (name.empty() || name.find_first_not_of(digits) != name.npos) return std::nullopt;
  std::optional<Network> only;
  for (Network& network : store.networks().list()) {
    if (!network.id.starts_with(name)) continue;
    if (only) throw Error("several networks have an ID that begins with " + quoted(name));
    only = std::move(network);
  }
  return only;
}

Described describe_network(Store& store, const Network& network) {
  const bool is_own = network.id.empty();  // one that is always there
  Json json;
  json["Name"] = network.name;
  json["Id"] = is_own ? network.name : network.id;
  json["Created"] = time_text(network.created / 1'000'000'000);
  json["Scope"] = "local";
  json["Driver"] = !is_own ? "bridge" : network.name == "none" ? "null" : network.name;
  json["EnableIPv6"] = false;
  json["IPAM"]["Driver"] = "default";
  json["IPAM"]["Options"] = Json::object();
  json["IPAM"]["Config"] = Json::array();
  if (!network.subnet.empty())
    json["IPAM"]["Config"].push_back({{"Subnet", network.subnet}, {"Gateway", network.gateway}});
  json["Internal"] = network.internal;
  json["Attachable"] = false;
  json["Ingress"] = false;
  json["Containers"] = Json::object();
  for (const ListedContainer& listed : listed_containers(store)) {
    if (!listed.state.alive() || network_text(listed.container.config) != network.name) continue;
    Json& one = json["Containers"][listed.container.id];
    one["Name"] = listed.container.name;
    one["EndpointID"] = "";
    one["MacAddress"] = "";
    one["IPv4Address"] = listed.state.address;
    one["IPv6Address"] = "";
  }
  json["Options"] = Json::object();
  json["Labels"] = Json::object();
  for (const auto& [key, value] : network.labels) json["Labels"][key] = value;
  return {json.dump(-1, ' ', false, Json::error_handler_t::replace), [](std::string_view text) {
            return with_maps(text, {"Labels", "Options", "Containers"});
          }};
}

}  // namespace slipway
