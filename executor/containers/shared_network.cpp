#include <executor/containers/shared_network.hpp>

#include <cache/store.hpp>
#include <executor/containers/network/member_device.hpp>
#include <executor/containers/network/membership.hpp>
#include <executor/containers/network/resolver.hpp>
#include <executor/containers/processes.hpp>
#include <executor/sandbox/network/subnet.hpp>
#include <executor/sandbox/network_files.hpp>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace slipway {
namespace {

constexpr int shortest_prefix = 8;
constexpr int longest_prefix = 29;  // room for a gateway and some containers

// What a container should reach, or has.
std::vector<AddressRange> taken_ranges(const std::vector<Network>& networks) {
  std::vector<AddressRange> taken;
  for (const auto& [address, mask] : networks_of_this_machine()) {
    int length = 0;
    while (length < 32 && (mask >> (31 - length) & 1) != 0) ++length;
    taken.push_back({address & mask, length});
  }
  for (const std::string& server : name_servers(resolv_conf())) {
    if (const auto address = parse_address(server)) taken.push_back({*address, 32});
  }
  for (const Network& network : networks) {
    if (const auto range = parse_range(network.subnet)) taken.push_back(*range);
  }
  return taken;
}

AddressRange chosen_range(const std::vector<Network>& networks, const std::string& subnet) {
  if (subnet.empty()) {
    const auto range = free_range(taken_ranges(networks));
    if (!range) {
      throw Error("every address range that networks get is used already")
          .hint("give one with --subnet");
    }
    return *range;
  }
  const auto range = parse_range(subnet);
  if (!range || range->length < shortest_prefix || range->length > longest_prefix) {
    throw Error("invalid subnet " + quoted(subnet))
        .hint("an IPv4 range such as 10.89.0.0/24, with a prefix of 8 to 29 bits");
  }
  for (const Network& other : networks) {
    const auto taken = parse_range(other.subnet);
    if (taken && taken->overlaps(*range)) {
      throw Error("Pool overlaps with other one on this address space: the network " +
                  quoted(other.name) + " has " + other.subnet);
    }
  }
  if (range->overlaps(uplink::range)) throw Error("the subnet " + quoted(subnet) + " is reserved");
  return *range;
}

HeldProcess open_process(const ContainerState& state, const ProcessId& process) {
  std::optional<HeldProcess> held;
  if (state.alive()) held = HeldProcess::open(process);
  if (held) return std::move(*held);
  throw Error("the container is not running")
      .hint("a container that does not run keeps the network it was made with");
}

void require_shared(const Container& container) {
  const std::string& own = container.config.network;
  if (own == "host") {
    throw Error("the container is in the host's network, and cannot be in another one");
  }
  if (own == "none") {
    throw Error(
        "container cannot be connected to multiple networks with one of the networks in private "
        "(none) mode");
  }
  if (own.starts_with("container:")) {
    throw Error("the container has another one's network").hint("connect that container");
  }
}

}  // namespace

Network create_network(Store& store, const Network& network) {
  // Two that are made at once do not choose the same range.
  return store.networks().create(network, [](Network& made, const std::vector<Network>& others) {
    const AddressRange range = chosen_range(others, made.subnet);
    made.subnet = range_text(range);
    if (made.gateway.empty()) made.gateway = address_text(range.first + 1);
    const auto gateway = parse_address(made.gateway);
    if (!gateway || !is_host_of(range, *gateway)) {
      throw Error("invalid gateway " + quoted(made.gateway)).hint("an address of " + made.subnet);
    }
  });
}

void remove_network(Store& store, const Network& network) {
  const auto folder = store.networks().folder(network.id);
  const NetworkLock nobody_joins = lock_network(folder);
  const auto members = network_members(folder);
  if (!members.empty()) {
    throw Error("network " + network.name + " id " + network.id + " has active endpoints")
        .hint("the container " + quoted(members.front().name) + " is in it: stop it first");
  }
  const bool removed_before = !store.networks().find(network.id);
  store.networks().remove(network.id);
  if (removed_before) throw NoSuchNetwork("there is no network " + quoted(network.name));
}

std::vector<NetworkUser> network_users(Store& store, const Network& network) {
  std::vector<NetworkUser> users;
  for (const NetworkMember& member : network_members(store.networks().folder(network.id))) {
    users.push_back(
        {member.id, member.name, address_text(member.address), mac_text(mac_of(member.address))});
  }
  return users;
}

void connect_to_network(Store& store, const Container& container, const Network& network,
                        const NetworkPlace& place,
                        const std::function<void(const Diagnostic&)>& note) {
  require_shared(container);
  JoinRequest request;
  describe_member(request, container, place.aliases);
  request.member.own_name_servers = !container.config.dns.empty();
  if (!place.address.empty()) {
    const auto address = parse_address(place.address);
    if (!address) throw Error("invalid IPv4 address: " + quoted(place.address));
    request.member.address = *address;
  }
  const ContainerState state = store.containers().state(container.id);
  const HeldProcess monitor = open_process(state, state.monitor);
  const HeldProcess first = open_process(state, state.process);
  const FileDescriptor space = first.open_space("net");
  if (!space) throw system_error("open", "the container's network", errno);
  join_running(store.networks().folder(network.id), network, request, space, monitor.descriptor(),
               note, [&] { return store.networks().find(network.id).has_value(); });
}

void disconnect_from_network(Store& store, const Container& container, const Network& network) {
  try {
    leave_network(store.networks().folder(network.id), container.id);
  } catch (const Error&) {
    throw Error("container " + container.id + " is not connected to network " + network.name);
  }
}

}  // namespace slipway
