#include <executor/sandbox/network/network_space.hpp>

#include <executor/sandbox/network/devices.hpp>
#include <ir/error.hpp>

#include <arpa/inet.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/ip.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace slipway {
namespace {

constexpr const char* idle_device = "idle0";
constexpr short idle_metric = 1000;

void check(int result, const char* call, const char* device) {
  if (result < 0) throw system_error(call, device, errno);
}

}  // namespace

NetworkSpace make_network_space(const Subnet& subnet) {
  NetworkSpace space;
  in_thread_of_its_own([&] {
    space.descriptor = enter_new_network();
    space.idle = make_packet_device(idle_device);
    // It goes with its namespace. To remove it when the descriptor is closed would take the kernel
    // 30 ms, for which somebody would wait.
    check(::ioctl(space.idle.get(), TUNSETPERSIST, 1), "TUNSETPERSIST", "/dev/net/tun");
    keep_quiet(idle_device);
    set_up_device(idle_device, {subnet.address, {}, nullptr});
    route_everywhere(idle_device, idle_metric);
  });
  return space;
}

SpaceSockets open_in(const NetworkSpace& space) {
  SpaceSockets sockets;
  in_thread_of_its_own([&] {
    enter_network(space.descriptor);
    sockets.packets =
        FileDescriptor(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW));
    check(sockets.packets.get(), "socket", "raw");
    sockets.routes = FileDescriptor(
        ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    check(sockets.routes.get(), "socket", "netlink");
    sockaddr_nl changes{};
    changes.nl_family = AF_NETLINK;
    changes.nl_groups = RTMGRP_IPV4_ROUTE;
    check(
        ::bind(sockets.routes.get(), reinterpret_cast<const sockaddr*>(&changes), sizeof(changes)),
        "bind", "netlink");
    sockets.settings = open_settings();
  });
  return sockets;
}

bool leaves_the_machine(std::string_view packet) {
  iphdr header{};
  if (packet.size() < sizeof(header)) return false;
  std::memcpy(&header, packet.data(), sizeof(header));
  const std::uint32_t to = ntohl(header.daddr);
  // Not to nobody, to a loopback device (by a socket that is bound to idle0), or to groups.
  return header.version == 4 && to >> 24 != 0 && to >> 24 != 127 && to < 0xE0000000;
}

bool connected_by_now(const FileDescriptor& routes) {
  bool connected = false;
  alignas(nlmsghdr) std::array<char, 8192> buffer;
  for (;;) {
    const ssize_t got = ::recv(routes.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return connected;
    auto left = static_cast<unsigned>(got);
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type != RTM_NEWROUTE || message->nlmsg_len < NLMSG_LENGTH(sizeof(rtmsg))) {
        continue;
      }
      const auto* route = reinterpret_cast<const rtmsg*>(NLMSG_DATA(message));
      connected |= route->rtm_family == AF_INET && route->rtm_dst_len == 0;
    }
  }
}

void send_by(const SpaceSockets& sockets, const char* device) {
  keep_loopback_inside(sockets.settings, device);
  check(::setsockopt(sockets.packets.get(), SOL_SOCKET, SO_BINDTODEVICE, device,
                     static_cast<socklen_t>(std::strlen(device))),
        "SO_BINDTODEVICE", device);
}

void send_again(const SpaceSockets& sockets, std::string_view packet) {
  iphdr header{};
  std::memcpy(&header, packet.data(), std::min(packet.size(), sizeof(header)));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = header.daddr;
  // Networks lose packets: whoever sent this one knows what to do then.
  static_cast<void>(::sendto(sockets.packets.get(), packet.data(), packet.size(), 0,
                             reinterpret_cast<const sockaddr*>(&to), sizeof(to)));
}

}  // namespace slipway
