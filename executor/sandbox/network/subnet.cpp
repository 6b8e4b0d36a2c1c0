#include <executor/sandbox/network/subnet.hpp>

#include <arpa/inet.h>
#include <ifaddrs.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <istream>
#include <iterator>
#include <sstream>
#include <vector>

namespace slipway {
namespace {

// The first is what slirp4netns has when nobody chooses.
constexpr std::array<std::uint32_t, 3> candidates = {0x0A000200, 0xAC1ED500, 0xC0A8D500};
constexpr std::uint32_t mask = 0xFFFFFF00;

std::string text_of(std::uint32_t address) {
  const in_addr number{htonl(address)};
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &number, text.data(), text.size());
  return text.data();
}

}  // namespace

std::vector<MachineNetwork> networks_of_this_machine() {
  std::vector<MachineNetwork> networks;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return networks;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_netmask == nullptr ||
        one->ifa_addr->sa_family != AF_INET) {
      continue;
    }
    networks.push_back(
        {ntohl(reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr.s_addr),
         ntohl(reinterpret_cast<const sockaddr_in*>(one->ifa_netmask)->sin_addr.s_addr)});
  }
  ::freeifaddrs(first);
  return networks;
}

Subnet choose_subnet() {
  const std::vector<MachineNetwork> taken = networks_of_this_machine();
  const auto* free = std::find_if(candidates.begin(), candidates.end(), [&](std::uint32_t own) {
    return std::none_of(taken.begin(), taken.end(), [own](const MachineNetwork& range) {
      const std::uint32_t common = range.mask & mask;  // the shorter of the two
      return (own & common) == (range.address & common);
    });
  });
  const std::uint32_t own = free == candidates.end() ? candidates.front() : *free;
  return {text_of(own), text_of(own + 2), text_of(own + 3), text_of(own + 100)};
}

bool leads_out_by_ipv6_alone(std::istream& ipv4_routes, std::istream& ipv6_routes) {
  const auto any_route = [](std::istream& routes, const auto& leads_everywhere) {
    for (std::string line; std::getline(routes, line);) {
      std::istringstream words(line);
      const std::vector<std::string> fields(std::istream_iterator<std::string>(words), {});
      if (leads_everywhere(fields)) return true;
    }
    return false;
  };
  // Iface Destination Gateway Flags RefCnt Use Metric Mask ...
  const bool ipv4 = any_route(ipv4_routes, [](const auto& fields) {
    return fields.size() > 7 && fields[1] == "00000000" && fields[7] == "00000000";
  });
  // Destination, its length, source, its length, next hop, metric, users, use, flags, device. The
  // kernel refuses what leads nowhere by a route of the loopback device.
  const bool ipv6 = any_route(ipv6_routes, [](const auto& fields) {
    return fields.size() > 9 && fields[0] == std::string(32, '0') && fields[1] == "00" &&
           fields[9] != "lo";
  });
  return ipv6 && !ipv4;
}

sockaddr_in socket_address(const std::string& address) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  ::inet_pton(AF_INET, address.c_str(), &result.sin_addr);
  return result;
}

}  // namespace slipway
