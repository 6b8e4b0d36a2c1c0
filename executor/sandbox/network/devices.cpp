#include <executor/sandbox/network/devices.hpp>

#include <executor/sandbox/network/subnet.hpp>
#include <ir/error.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <system_error>
#include <thread>

namespace slipway {
namespace {

ifreq request_for(const char* device) {
  ifreq request{};
  std::strncpy(request.ifr_name, device, sizeof(request.ifr_name) - 1);
  return request;
}

void check(int result, const char* call, const char* device) {
  if (result < 0) throw system_error(call, device, errno);
}

FileDescriptor any_socket() {
  FileDescriptor any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  check(any.get(), "socket", "");
  return any;
}

void raise(const FileDescriptor& any, const char* device) {
  ifreq request = request_for(device);
  request.ifr_flags = IFF_UP;
  check(::ioctl(any.get(), SIOCSIFFLAGS, &request), "SIOCSIFFLAGS", device);
}

void set_address(const FileDescriptor& any, unsigned long what, const char* call,
                 const char* device, const std::string& text) {
  ifreq request = request_for(device);
  const sockaddr_in address = socket_address(text);
  std::memcpy(&request.ifr_addr, &address, sizeof(address));
  check(::ioctl(any.get(), what, &request), call, device);
}

FileDescriptor make_device(const char* name, short kind) {
  FileDescriptor device(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!device) {
    const int reason = errno;
    throw system_error("open", "/dev/net/tun", reason)
        .hint(reason == EACCES || reason == EPERM ? "chmod 0666 /dev/net/tun, as root"
                                                  : "modprobe tun, or start the container with "
                                                    "--device=/dev/net/tun");
  }
  ifreq request = request_for(name);
  request.ifr_flags = static_cast<short>(kind | IFF_NO_PI);
  check(::ioctl(device.get(), TUNSETIFF, &request), "TUNSETIFF", "/dev/net/tun");
  return device;
}

void add_route(rtentry& route) {
  const sockaddr_in everywhere = socket_address("0.0.0.0");
  std::memcpy(&route.rt_dst, &everywhere, sizeof(everywhere));
  std::memcpy(&route.rt_genmask, &everywhere, sizeof(everywhere));
  route.rt_flags |= RTF_UP;
  check(::ioctl(any_socket().get(), SIOCADDRT, &route), "SIOCADDRT",
        route.rt_dev != nullptr ? route.rt_dev : "");
}

}  // namespace

void in_thread_of_its_own(const std::function<void()>& work) {
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

FileDescriptor enter_new_network() {
  check(::unshare(CLONE_NEWNET), "unshare", "a network namespace");
  FileDescriptor space(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  check(space.get(), "open", "/proc/thread-self/ns/net");
  raise(any_socket(), "lo");
  return space;
}

void enter_network(const FileDescriptor& space) {
  check(::setns(space.get(), CLONE_NEWNET), "setns", "");
}

FileDescriptor make_packet_device(const char* name) {
  return make_device(name, IFF_TUN);
}

FileDescriptor make_frame_device(const char* name) {
  return make_device(name, IFF_TAP);
}

void keep_quiet(const char* device) {
  // These are files of the calling thread's namespace.
  const std::string path = "/proc/sys/net/ipv6/conf/" + std::string(device) + "/disable_ipv6";
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file) [[maybe_unused]]
    const ssize_t put = ::write(file.get(), "1", 1);
}

void set_up_device(const char* name, const DeviceSettings& settings) {
  const FileDescriptor any = any_socket();
  if (settings.mac != nullptr) {
    ifreq request = request_for(name);
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    std::copy(settings.mac->begin(), settings.mac->end(), request.ifr_hwaddr.sa_data);
    check(::ioctl(any.get(), SIOCSIFHWADDR, &request), "SIOCSIFHWADDR", name);
  }
  set_address(any, SIOCSIFADDR, "SIOCSIFADDR", name, settings.address);
  if (!settings.mask.empty()) {
    set_address(any, SIOCSIFNETMASK, "SIOCSIFNETMASK", name, settings.mask);
  }
  ifreq request = request_for(name);
  request.ifr_mtu = largest_mtu;
  check(::ioctl(any.get(), SIOCSIFMTU, &request), "SIOCSIFMTU", name);
  raise(any, name);
}

void route_everywhere(const char* device, short metric) {
  rtentry route{};
  std::string name = device;
  route.rt_dev = name.data();
  route.rt_metric = static_cast<short>(metric + 1);  // this call's count from one
  add_route(route);
}

void route_everywhere_by(const std::string& gateway) {
  rtentry route{};
  const sockaddr_in address = socket_address(gateway);
  std::memcpy(&route.rt_gateway, &address, sizeof(address));
  route.rt_flags = RTF_GATEWAY;
  add_route(route);
}

FileDescriptor open_settings() {
  FileDescriptor settings(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  check(settings.get(), "socket", "netlink");
  return settings;
}

void keep_loopback_inside(const FileDescriptor& settings, const char* device) {
  ifreq named = request_for(device);
  check(::ioctl(settings.get(), SIOCGIFINDEX, &named), "SIOCGIFINDEX", device);
  struct {
    nlmsghdr header;
    rtmsg route;
    rtattr to_header;
    std::uint32_t to;
    rtattr by_header;
    std::int32_t by;
  } request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = RTM_NEWROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND;
  request.route.rtm_family = AF_INET;
  request.route.rtm_dst_len = 8;
  request.route.rtm_table = RT_TABLE_LOCAL;
  request.route.rtm_protocol = RTPROT_STATIC;
  request.route.rtm_scope = RT_SCOPE_HOST;
  request.route.rtm_type = RTN_LOCAL;
  request.to_header = {RTA_LENGTH(sizeof(request.to)), RTA_DST};
  request.to = htonl(INADDR_LOOPBACK & 0xFF000000);
  request.by_header = {RTA_LENGTH(sizeof(request.by)), RTA_OIF};
  request.by = named.ifr_ifindex;
  check(static_cast<int>(::send(settings.get(), &request, sizeof(request), 0)), "send", "netlink");
  struct {
    nlmsghdr header;
    nlmsgerr error;
    char rest[256];  // the request once more
  } answer{};
  // The kernel has answered by now.
  const ssize_t got = ::recv(settings.get(), &answer, sizeof(answer), MSG_DONTWAIT);
  check(static_cast<int>(got), "recv", "netlink");
  if (answer.header.nlmsg_type == NLMSG_ERROR && answer.error.error != 0 &&
      answer.error.error != -EEXIST) {
    throw system_error("RTM_NEWROUTE", device, -answer.error.error);
  }
}

}  // namespace slipway
