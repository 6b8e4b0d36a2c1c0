#include <executor/containers/network.hpp>

#include <cache/store.hpp>
#include <executor/containers/network/host_ports.hpp>
#include <executor/containers/network/member_device.hpp>
#include <executor/containers/network/published_ports.hpp>
#include <executor/containers/network/resolver.hpp>
#include <executor/containers/network/slirp.hpp>
#include <executor/sandbox/network/connector.hpp>
#include <executor/sandbox/network/devices.hpp>
#include <executor/sandbox/network_files.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <utility>

namespace slipway {
namespace {

using Note = std::function<void(const Diagnostic&)>;

// By which a container reaches this machine: never by its loopback addresses.
std::string machine_or(const std::string& gateway) {
  std::string machine = address_outside();
  return machine.empty() ? gateway : machine;
}

std::string resolv_conf_of_machine(const ContainerConfig& config) {
  const std::string host = resolv_conf();
  return container_resolv_conf(
      host, config, config.dns.empty() ? name_servers(host) : std::vector<std::string>());
}

ContainerNetwork simple(ContainerNetwork::Kind kind, const ContainerConfig& config) {
  ContainerNetwork network;
  network.kind = kind;
  network.gateway = loopback_address;
  network.resolv_conf = resolv_conf_of_machine(config);
  return network;
}

ContainerNetwork of_machine(const ContainerConfig& config, const Note& note) {
  if (!config.ports.empty() && note) {
    note(Error("published ports are discarded in the host's network").diagnostics().front());
  }
  return simple(ContainerNetwork::Kind::host, config);
}

// Why containers cannot have the default network here; nothing where they can.
std::optional<Error> why_not_connected(const std::vector<Connector>& connectors) {
  std::ifstream ipv4_routes("/proc/thread-self/net/route");
  std::ifstream ipv6_routes("/proc/thread-self/net/ipv6_route");
  if (leads_out_by_ipv6_alone(ipv4_routes, ipv6_routes)) {
    return Error("this machine leads out by IPv6 alone, and containers' networks are IPv4");
  }
  if (connectors.empty()) return no_connector();
  struct stat tun {};
  if (::stat("/dev/net/tun", &tun) != 0) {
    return Error("there is no /dev/net/tun")
        .hint("modprobe tun, or start the container with --device=/dev/net/tun");
  }
  return std::nullopt;
}

// One of its own, published at once.
void publish(ContainerNetwork& network, const Container& container, const FileDescriptor& folder,
             const Subnet& subnet) {
  network.ports = choose_host_ports(container.config);
  in_thread_of_its_own([&] { network.space = enter_new_network(); });
  Slirp slirp = start_slirp_in(network.space, subnet, folder);
  for (const PortMapping& port : network.ports) {
    const ApiReply reply = open_host_port(folder.get(), port, *parse_address(subnet.address));
    if (!reply.error.empty()) {
      throw Error("Bind for " + port.host_address + ":" + std::to_string(port.host_port) +
                  " failed: " + reply.error);
    }
  }
  // Nobody has more to ask of it.
  ::unlinkat(folder.get(), api_socket, 0);
  network.held.push_back(std::move(slirp.lifeline));
}

ContainerNetwork of_its_own(Store& store, const Container& container, const Note& note) {
  const ContainerConfig& config = container.config;
  const bool publishes =
      !config.ports.empty() || (config.publish_all && !config.exposed_ports.empty());
  const Subnet subnet = choose_subnet();
  if (!config.address.empty()) {
    throw Error("user specified IP address is supported on user defined networks only")
        .hint("slipway network create");
  }
  ContainerNetwork network;
  network.kind = ContainerNetwork::Kind::entered;
  if (publishes) {
    publish(network, container, open_folder(store.containers().folder(container.id)), subnet);
  } else {
    if (auto reason = why_not_connected(find_connectors(subnet, std::nullopt))) {
      // Never the host's network in its place: who starts a container counts on its isolation.
      Diagnostic told = reason->diagnostics().front();
      told.message = "the container has no network but its loopback device: " + told.message;
      if (note) note(told);
      return simple(ContainerNetwork::Kind::none, config);
    }
    NetworkSpace space = make_network_space(subnet);
    network.space = std::move(space.descriptor);
    network.idle = std::move(space.idle);
  }
  network.address = subnet.address;
  network.gateway = machine_or(subnet.gateway);
  const std::string reachable = resolv_conf_inside(resolv_conf(), subnet.name_server);
  network.resolv_conf = container_resolv_conf(
      reachable, config, config.dns.empty() ? name_servers(reachable) : std::vector<std::string>());
  return network;
}

ContainerNetwork shared(Store& store, const Container& container, const Network& shared,
                        const Note& note) {
  const ContainerConfig& config = container.config;
  JoinRequest request;
  request.member.own_name_servers = !config.dns.empty();
  if (!config.address.empty()) {
    const auto address = parse_address(config.address);
    if (!address) throw Error("invalid IPv4 address: " + quoted(config.address));
    request.member.address = *address;
  }
  request.ports = choose_host_ports(config);
  describe_member(request, container, config.network_aliases);
  ContainerNetwork network;
  network.kind = ContainerNetwork::Kind::entered;
  Joined joined = join_with_new_space(store.networks().folder(shared.id), shared, request, note,
                                      [&] { return store.networks().find(shared.id).has_value(); });
  network.space = std::move(joined.space);
  network.held.push_back(std::move(joined.membership.connection));
  network.address = address_text(joined.membership.address);
  network.gateway = shared.internal ? shared.gateway : machine_or(shared.gateway);
  network.ports = request.ports;
  network.resolv_conf = container_resolv_conf(resolv_conf(), config, {shared.gateway});
  // A name of a container has no dots, and is not to be looked for in the machine's domains first.
  if (network.resolv_conf.find("ndots") == std::string::npos) {
    network.resolv_conf += "options ndots:0\n";
  }
  return network;
}

}  // namespace

ContainerNetwork connect_container(Store& store, const Container& container, const Note& note) {
  const std::string& name = container.config.network;
  if (name == "none") return simple(ContainerNetwork::Kind::none, container.config);
  if (name == "host") return of_machine(container.config, note);
  if (name.empty() || name == "default" || name == "bridge") {
    return of_its_own(store, container, note);
  }
  return shared(store, container, store.networks().get(name), note);
}

}  // namespace slipway
