#include <executor/sandbox/network/network_space.hpp>

#include <ir/error.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/ip.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <system_error>
#include <thread>

namespace slipway {
namespace {

constexpr const char* idle_device = "idle0";
// That of the programs' device, so that a connection begun on the one fits the other.
constexpr int largest_packet = 65520;
constexpr short idle_metric = 1000;

// A thread can leave its network namespace but, without root, not return to it: it ends there.
template <class Work>
void in_thread_of_its_own(Work work) {
  std::exception_ptr failure;
  try {
    std::thread([&] {
      try {
        work();
      } catch (...) {
        failure = std::current_exception();
      }
    }).join();
  } catch (const std::system_error& error) {
    throw system_error("pthread_create", "", error.code().value());
  }
  if (failure) std::rethrow_exception(failure);
}

ifreq request_for(const char* device) {
  ifreq request{};
  std::strncpy(request.ifr_name, device, sizeof(request.ifr_name) - 1);
  return request;
}

void check(int result, const char* call, const char* device) {
  if (result < 0) throw system_error(call, device, errno);
}

void raise(const FileDescriptor& any, const char* device) {
  ifreq request = request_for(device);
  request.ifr_flags = IFF_UP;
  check(::ioctl(any.get(), SIOCSIFFLAGS, &request), "SIOCSIFFLAGS", device);
}

FileDescriptor make_idle_device() {
  FileDescriptor idle(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!idle) {
    const int reason = errno;
    throw system_error("open", "/dev/net/tun", reason)
        .hint(reason == EACCES || reason == EPERM ? "chmod 0666 /dev/net/tun, as root"
                                                  : "modprobe tun, or start the container with "
                                                    "--device=/dev/net/tun");
  }
  ifreq request = request_for(idle_device);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  check(::ioctl(idle.get(), TUNSETIFF, &request), "TUNSETIFF", "/dev/net/tun");
  // It goes with its namespace. To remove it when the descriptor is closed would take the kernel
  // 30 ms, for which somebody would wait.
  check(::ioctl(idle.get(), TUNSETPERSIST, 1), "TUNSETPERSIST", "/dev/net/tun");
  return idle;
}

void configure(const FileDescriptor& any, const Subnet& subnet) {
  ifreq request = request_for(idle_device);
  const sockaddr_in own = socket_address(subnet.address);
  std::memcpy(&request.ifr_addr, &own, sizeof(own));
  check(::ioctl(any.get(), SIOCSIFADDR, &request), "SIOCSIFADDR", idle_device);
  request = request_for(idle_device);
  request.ifr_mtu = largest_packet;
  check(::ioctl(any.get(), SIOCSIFMTU, &request), "SIOCSIFMTU", idle_device);
  raise(any, idle_device);
  rtentry route{};
  const sockaddr_in everywhere = socket_address("0.0.0.0");
  std::memcpy(&route.rt_dst, &everywhere, sizeof(everywhere));
  std::memcpy(&route.rt_genmask, &everywhere, sizeof(everywhere));
  std::string name = idle_device;
  route.rt_dev = name.data();
  route.rt_flags = RTF_UP;
  route.rt_metric = idle_metric + 1;  // this call's count from one
  check(::ioctl(any.get(), SIOCADDRT, &route), "SIOCADDRT", idle_device);
}

}  // namespace

NetworkSpace make_network_space(const Subnet& subnet) {
  NetworkSpace space;
  in_thread_of_its_own([&] {
    check(::unshare(CLONE_NEWNET), "unshare", "a network namespace");
    space.descriptor = FileDescriptor(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    check(space.descriptor.get(), "open", "/proc/thread-self/ns/net");
    const FileDescriptor any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    check(any.get(), "socket", "");
    raise(any, "lo");
    space.idle = make_idle_device();
    configure(any, subnet);
  });
  return space;
}

SpaceSockets open_in(const NetworkSpace& space) {
  SpaceSockets sockets;
  in_thread_of_its_own([&] {
    check(::setns(space.descriptor.get(), CLONE_NEWNET), "setns", "");
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
  });
  return sockets;
}

bool leaves_the_machine(std::string_view packet) {
  iphdr header{};
  if (packet.size() < sizeof(header)) return false;
  std::memcpy(&header, packet.data(), sizeof(header));
  const std::uint32_t to = ntohl(header.daddr);
  return header.version == 4 && to >> 24 != 0 && to < 0xE0000000;  // nobody, and groups
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
