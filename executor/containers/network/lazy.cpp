// The default network's way out, made when a container first sends something.
#include <executor/containers/network.hpp>

#include <cache/store.hpp>
#include <executor/containers/network/addresses.hpp>
#include <executor/sandbox/network/connector.hpp>
#include <executor/sandbox/network/network_space.hpp>

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

constexpr std::size_t packet_size = 64 * 1024;
constexpr std::size_t most_packets = 64;
constexpr int patience = 30'000;  // milliseconds, for a program that takes a hundred at most

// What was chosen when the container was started: that of this machine may have changed.
Subnet subnet_of(const std::string& address) {
  const auto own = parse_address(address);
  if (!own) throw Error("the container has no network of its own");
  const Address first = *own & 0xFFFFFF00;
  return {address_text(first), address_text(first + 2), address_text(first + 3), address};
}

void read_packets(const FileDescriptor& idle, std::vector<std::string>& waiting) {
  std::string packet(packet_size, '\0');
  while (waiting.size() < most_packets) {
    const ssize_t got = ::read(idle.get(), packet.data(), packet.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    const std::string_view arrived(packet.data(), static_cast<std::size_t>(got));
    if (leaves_the_machine(arrived)) waiting.emplace_back(arrived);
  }
}

// True when the namespace leads out; false when the program has ended before that.
bool await(const Connection& connection, const SpaceSockets& sockets) {
  std::array<pollfd, 2> happens = {
      {{sockets.routes.get(), POLLIN, 0}, {connection.process.get(), POLLIN, 0}}};
  for (;;) {
    const int count = ::poll(happens.data(), happens.size(), patience);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    if (happens[0].revents != 0 && connected_by_now(sockets.routes)) return true;
    if (happens[1].revents != 0) return false;
  }
}

}  // namespace

void connect_hook(Store& store, const Container& container, FileDescriptor space,
                  FileDescriptor idle) {
  const NetworkSpace own{std::move(space), std::move(idle)};
  const Subnet subnet = subnet_of(store.containers().state(container.id).address);
  const SpaceSockets sockets = open_in(own);
  std::string reason = no_connector().what();
  for (const Connector& connector : find_connectors(subnet, std::nullopt)) {
    const Connection connection = connect(connector, own.descriptor, EndsWith::parent);
    if (!await(connection, sockets)) {
      reason = connector.name + ": " + last_words(connection);
      continue;
    }
    send_by(sockets, connector_device);
    std::vector<std::string> waiting;
    read_packets(own.idle, waiting);
    for (const std::string& packet : waiting) send_again(sockets, packet);
    return;
  }
  throw Error("the container could not be connected to the network: " + reason);
}

}  // namespace slipway
