#include <executor/containers/network/published_ports.hpp>

#include <cache/file_descriptor.hpp>
#include <executor/containers/network/addresses.hpp>
#include <ir/error.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace slipway {
namespace {

constexpr const char* all_addresses = "0.0.0.0";
constexpr std::chrono::milliseconds patience(1000);
constexpr std::chrono::milliseconds interval(5);

// "80/tcp" as EXPOSE has it.
std::optional<PortMapping> exposed(std::string_view text) {
  PortMapping mapping;
  const std::string_view number = text.substr(0, text.find('/'));
  if (number.size() < text.size()) mapping.protocol = text.substr(number.size() + 1);
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), mapping.port);
  if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  return mapping;
}

std::vector<PortMapping> wanted(const ContainerConfig& config) {
  std::vector<PortMapping> all = config.ports;
  if (!config.publish_all) return all;
  for (const std::string& text : config.exposed_ports) {
    auto mapping = exposed(text);
    if (!mapping) continue;
    const bool published = std::any_of(all.begin(), all.end(), [&mapping](const PortMapping& each) {
      return each.port == mapping->port && each.protocol == mapping->protocol;
    });
    if (!published) all.push_back(std::move(*mapping));
  }
  return all;
}

Error refused(const PortMapping& mapping, int reason) {
  const std::string place = mapping.host_address + ":" + std::to_string(mapping.host_port);
  if (reason == EADDRINUSE) {
    return Error("Bind for " + place + " failed: port is already allocated");
  }
  Error error("listen " + mapping.protocol + "4 " + place + ": bind: " + std::strerror(reason));
  if (reason == EACCES) {
    error.hint("ports below that of /proc/sys/net/ipv4/ip_unprivileged_port_start are root's");
  }
  return error;
}

using Clock = std::chrono::steady_clock;

// Nothing, with errno, where the port cannot be had.
FileDescriptor try_port(PortMapping& mapping) {
  const bool tcp = mapping.protocol == "tcp";
  FileDescriptor socket(::socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  if (!socket) throw system_error("socket", "", errno);
  // As slirp4netns: what is left of closed connections does not count.
  const int on = 1;
  if (tcp) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(mapping.host_port);
  ::inet_pton(AF_INET, mapping.host_address.c_str(), &address.sin_addr);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      (tcp && ::listen(socket.get(), 1) != 0)) {
    return {};
  }
  socklen_t size = sizeof(address);
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw system_error("getsockname", "", errno);
  }
  mapping.host_port = ntohs(address.sin_port);
  return socket;
}

// Takes the port, or a free one, for as long as the result lives: so no two mappings get the same
// one. Until `end` it is waited for: the slirp4netns of a container that has just stopped has it
// for a moment longer.
FileDescriptor take_port(PortMapping& mapping, Clock::time_point end) {
  for (;;) {
    FileDescriptor socket = try_port(mapping);
    if (socket) return socket;
    const int reason = errno;
    if (reason != EADDRINUSE || Clock::now() >= end) throw refused(mapping, reason);
    std::this_thread::sleep_for(interval);
  }
}

}  // namespace

std::vector<PortMapping> choose_host_ports(const ContainerConfig& config) {
  std::vector<PortMapping> chosen = wanted(config);
  // Those that are asked for by number first, lest one of them is given as a free one.
  std::vector<PortMapping*> order;
  for (PortMapping& mapping : chosen) order.push_back(&mapping);
  std::stable_partition(order.begin(), order.end(),
                        [](const PortMapping* mapping) { return mapping->host_port != 0; });
  std::vector<FileDescriptor> taken;
  const auto end = Clock::now() + patience;
  for (PortMapping* mapping : order) {
    if (mapping->protocol != "tcp" && mapping->protocol != "udp") {
      throw Error("ports of " + quoted(mapping->protocol) + " cannot be published")
          .hint("tcp and udp can");
    }
    if (mapping->host_address.empty()) mapping->host_address = all_addresses;
    if (!parse_address(mapping->host_address)) {
      throw Error("ports cannot be published at " + quoted(mapping->host_address))
          .hint("addresses of IPv4 can be given");
    }
    taken.push_back(take_port(*mapping, end));
  }
  return chosen;
}

}  // namespace slipway
