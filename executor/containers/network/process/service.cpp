#include "service.hpp"

#include <executor/containers/network/host_ports.hpp>

#include <fcntl.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace slipway {
namespace {

// A member that sends as fast as it is read must not keep the others waiting.
constexpr int most_frames_at_once = 64;
// The kernel keeps about as much in a device's queue.
constexpr std::size_t most_waiting = 4 << 20;
constexpr std::size_t most_connections = 4096;
constexpr std::chrono::milliseconds interval(1000);  // until what failed is tried again
constexpr std::size_t most_descriptors = 2;          // with a message

bool never_block(const FileDescriptor& descriptor) {
  const int flags = ::fcntl(descriptor.get(), F_GETFL);
  return flags >= 0 && ::fcntl(descriptor.get(), F_SETFL, flags | O_NONBLOCK) == 0;
}

struct Received {
  ssize_t size = -1;
  std::vector<FileDescriptor> descriptors;
  bool some_lost = false;  // descriptors: there is no room for them
};

Received receive(const FileDescriptor& socket, std::vector<char>& buffer) {
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(most_descriptors * sizeof(int))> control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  Received received;
  received.size = ::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (received.size < 0) return received;
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
       each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(each) + i * sizeof(int), sizeof(int));
      received.descriptors.emplace_back(number);
    }
  }
  received.some_lost = (message.msg_flags & MSG_CTRUNC) != 0;
  if ((message.msg_flags & MSG_TRUNC) != 0) received.size = 0;  // none of ours is as long
  return received;
}

}  // namespace

NetworkService::NetworkService(FrameSwitch::Settings settings, Descriptors descriptors)
    : descriptors_(std::move(descriptors)),
      switch_(settings, *this),
      leads_out_(settings.leads_out),
      events_(::epoll_create1(EPOLL_CLOEXEC)),
      frame_(largest_frame + 1) {
  never_block(descriptors_.listener);
  watch(descriptors_.listener, About::listener, 0);
  if (descriptors_.outside) watch(descriptors_.outside, About::outside, 0);
}

NetworkService::~NetworkService() {
  // The socket last, and before the listener is closed: as long as there is one to connect to,
  // nobody puts another in its place.
  ::unlinkat(descriptors_.folder.get(), api_socket, 0);
  ::unlinkat(descriptors_.folder.get(), "socket", 0);
}

void NetworkService::add_connection(FileDescriptor connection) {
  if (connections_.size() >= most_connections || !never_block(connection)) return;
  const std::uint32_t number = ++last_number_;
  if (!watch(connection, About::connection, number)) return;
  connections_.emplace(number, Connection{std::move(connection), 0});
}

void NetworkService::run() {
  while (!connections_.empty() || !members_.empty()) {
    std::array<epoll_event, 64> events;
    const bool unfinished = !unclosed_.empty() || !listens_;
    const int count = ::epoll_wait(events_.get(), events.data(), static_cast<int>(events.size()),
                                   unfinished ? static_cast<int>(interval.count()) : -1);
    if (count < 0 && errno != EINTR) return;
    if (!unclosed_.empty() && std::chrono::steady_clock::now() >= next_try_) close_unclosed();
    if (count == 0) listen_again();
    for (int i = 0; i < count; ++i) {
      const std::uint64_t about = events[static_cast<std::size_t>(i)].data.u64;
      happened(static_cast<About>(about >> 32), static_cast<std::uint32_t>(about));
    }
  }
}

bool NetworkService::watch(const FileDescriptor& descriptor, About about, std::uint32_t number) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = std::uint64_t{static_cast<std::uint32_t>(about)} << 32 | number;
  return ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, descriptor.get(), &event) == 0;
}

void NetworkService::wait_to_send(bool wanted) {
  epoll_event event{};
  event.events = EPOLLIN | (wanted ? std::uint32_t{EPOLLOUT} : 0U);
  event.data.u64 = std::uint64_t{static_cast<std::uint32_t>(About::outside)} << 32;
  ::epoll_ctl(events_.get(), EPOLL_CTL_MOD, descriptors_.outside.get(), &event);
}

void NetworkService::happened(About about, std::uint32_t number) {
  switch (about) {
    case About::listener:
      return accept_connection();
    case About::outside:
      send_waiting();
      return read_outside();
    case About::connection:
      return read_connection(number);
    case About::tap:
      return read_tap(number);
    case About::process:
      return remove_member(number);
  }
}

void NetworkService::accept_connection() {
  for (;;) {
    FileDescriptor connection(
        ::accept4(descriptors_.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection) {
      if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS) return;
      // Who waits would be told of again and again.
      ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, descriptors_.listener.get(), nullptr);
      listens_ = false;
      return;
    }
    add_connection(std::move(connection));
  }
}

void NetworkService::listen_again() {
  if (!listens_) listens_ = watch(descriptors_.listener, About::listener, 0);
}

void NetworkService::read_connection(std::uint32_t number) {
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  std::vector<char> buffer(largest_message);
  Received received = receive(found->second.socket, buffer);
  if (received.size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (received.size > 0) {
    const std::string said =
        received.some_lost
            ? "failed the network's process cannot have more descriptors"
            : answer(found->second, {buffer.data(), static_cast<std::size_t>(received.size)},
                     std::move(received.descriptors));
    ::send(found->second.socket.get(), said.data(), said.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  const std::uint32_t member = found->second.member;
  connections_.erase(found);
  listen_again();
  if (member != 0) remove_member(member);
}

void NetworkService::read_tap(std::uint32_t number) {
  for (int i = 0; i < most_frames_at_once; ++i) {
    const auto found = members_.find(number);
    if (found == members_.end()) return;
    const ssize_t got = ::read(found->second.tap.get(), frame_.data(), frame_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      // The device is gone: removed by who has the rights there.
      ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, found->second.tap.get(), nullptr);
      return;
    }
    switch_.from_member(found->second.address, Bytes(frame_.data(), static_cast<std::size_t>(got)));
  }
}

void NetworkService::read_outside() {
  for (int i = 0; i < most_frames_at_once; ++i) {
    const ssize_t got =
        ::recv(descriptors_.outside.get(), frame_.data(), frame_.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      // slirp4netns has ended: what is left is a network without a way out.
      ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, descriptors_.outside.get(), nullptr);
      descriptors_.outside = FileDescriptor();
      waiting_.clear();
      return;
    }
    switch_.from_outside(Bytes(frame_.data(), static_cast<std::size_t>(got)));
  }
}

void NetworkService::to_member(Address member, ConstBytes frame) {
  const auto found = taps_.find(member);
  // Networks lose packets: whoever sent this one knows what to do then.
  if (found != taps_.end()) {
    [[maybe_unused]] const ssize_t put = ::write(found->second, frame.data(), frame.size());
  }
}

void NetworkService::to_outside(ConstBytes frame) {
  if (!descriptors_.outside) return;
  if (waiting_.empty()) {
    if (::send(descriptors_.outside.get(), frame.data(), frame.size(),
               MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ||
        errno != EAGAIN) {
      return;
    }
    wait_to_send(true);
  }
  if (waiting_size_ + frame.size() > most_waiting) return;
  waiting_.emplace_back(reinterpret_cast<const char*>(frame.data()), frame.size());
  waiting_size_ += frame.size();
}

void NetworkService::send_waiting() {
  if (waiting_.empty()) return;
  while (!waiting_.empty()) {
    const std::string& frame = waiting_.front();
    if (::send(descriptors_.outside.get(), frame.data(), frame.size(),
               MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
        errno == EAGAIN) {
      return;
    }
    waiting_size_ -= frame.size();
    waiting_.pop_front();
  }
  wait_to_send(false);
}

std::string NetworkService::answer(Connection& connection, std::string_view message,
                                   std::vector<FileDescriptor> received) {
  if (message == "list") {
    std::vector<NetworkMember> all;
    for (const auto& [address, member] : switch_.members()) all.push_back(member);
    return "members\n" + write_members(all);
  }
  if (message.starts_with("leave ")) {
    const std::uint32_t member = member_of(message.substr(message.find(' ') + 1));
    if (member == 0) return "failed the container is not connected to the network";
    // The container goes on without the device, which would stay in its namespace else.
    ::ioctl(members_.at(member).tap.get(), TUNSETPERSIST, 0);
    remove_member(member);
    return "left";
  }
  return join(connection, message, std::move(received));
}

std::string NetworkService::join(Connection& connection, std::string_view message,
                                 std::vector<FileDescriptor> received) {
  auto request = parse_join(message);
  if (!request || received.empty() || connection.member != 0) return "failed to understand";
  if (member_of(request->member.id) != 0) return "failed the container is in the network already";
  const Address wanted = request->member.address;
  Member member;
  member.id = request->member.id;
  member.tap = std::move(received[0]);
  if (received.size() > 1) member.process = std::move(received[1]);
  if (!never_block(member.tap)) return "failed to use the tap device";
  const auto address = switch_.join(std::move(request->member));
  if (!address) {
    return wanted != 0 ? "failed Address already in use, or none of the network's"
                       : "failed no address of the network is free";
  }
  member.address = *address;
  const std::uint32_t number = ++last_number_;
  std::string failure = open_ports(member, request->ports);
  if (failure.empty() && (!watch(member.tap, About::tap, number) ||
                          (member.process && !watch(member.process, About::process, number)))) {
    failure = std::string("epoll_ctl: ") + std::strerror(errno);
  }
  if (!failure.empty()) {
    close_ports(member);
    switch_.leave(*address);
    return "failed " + failure;
  }
  if (!member.process) connection.member = number;
  taps_[*address] = member.tap.get();
  members_.emplace(number, std::move(member));
  return "joined " + address_text(*address);
}

std::string NetworkService::open_ports(Member& member, const std::vector<PortMapping>& ports) {
  if (!ports.empty() && !leads_out_) return "the network has no way out";
  for (const PortMapping& port : ports) {
    const ApiReply reply = open_host_port(
        descriptors_.folder.get(), port, member.address,
        [this](int descriptor, int milliseconds) { return await_reply(descriptor, milliseconds); });
    if (reply.number) member.ports.push_back(*reply.number);
    if (!reply.error.empty()) {
      return "port " + port.host_address + ":" + std::to_string(port.host_port) + "/" +
             port.protocol + ": " + reply.error;
    }
  }
  return {};
}

void NetworkService::close_ports(const Member& member) {
  if (member.ports.empty()) return;
  unclosed_.insert(unclosed_.end(), member.ports.begin(), member.ports.end());
  close_unclosed();
}

void NetworkService::close_unclosed() {
  // What was answered is done, or never will be.
  while (!unclosed_.empty() && descriptors_.outside) {
    const ApiReply reply = close_host_port(
        descriptors_.folder.get(), unclosed_.front(),
        [this](int descriptor, int milliseconds) { return await_reply(descriptor, milliseconds); });
    if (!reply.answered) break;
    unclosed_.erase(unclosed_.begin());
  }
  if (!descriptors_.outside) unclosed_.clear();  // with slirp4netns its ports are gone
  next_try_ = std::chrono::steady_clock::now() + interval;
}

bool NetworkService::await_reply(int descriptor, int milliseconds) {
  std::array<pollfd, 2> happens = {
      {{descriptor, POLLIN, 0},
       {descriptors_.outside ? descriptors_.outside.get() : -1, POLLIN, 0}}};
  const int count = ::poll(happens.data(), happens.size(), milliseconds);
  if (count < 0) return errno == EINTR;
  if (happens[1].revents != 0) read_outside();
  return count > 0;
}

void NetworkService::remove_member(std::uint32_t number) {
  const auto found = members_.find(number);
  if (found == members_.end()) return;
  close_ports(found->second);
  switch_.leave(found->second.address);
  taps_.erase(found->second.address);
  members_.erase(found);
  listen_again();
}

std::uint32_t NetworkService::member_of(std::string_view id) const {
  for (const auto& [number, member] : members_) {
    if (member.id == id) return number;
  }
  return 0;
}

}  // namespace slipway
