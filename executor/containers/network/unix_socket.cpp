#include <executor/containers/network/unix_socket.hpp>

#include <ir/error.hpp>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace slipway {
namespace {

constexpr std::size_t most_descriptors = 4;

sockaddr_un address_in(const FileDescriptor& folder, const char* name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(folder.get()) + "/" + name;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

}  // namespace

FileDescriptor connect_in(const FileDescriptor& folder, const char* name) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) throw system_error("socket", "", errno);
  const sockaddr_un address = address_in(folder, name);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return {};
  }
  return socket;
}

FileDescriptor listen_in(const FileDescriptor& folder, const char* name) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) throw system_error("socket", "", errno);
  ::unlinkat(folder.get(), name, 0);
  const sockaddr_un address = address_in(folder, name);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw system_error("bind", name, errno);
  }
  if (::listen(socket.get(), SOMAXCONN) != 0) throw system_error("listen", name, errno);
  return socket;
}

bool send_message(const FileDescriptor& socket, std::string_view text,
                  std::span<const int> descriptors) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(most_descriptors * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const std::size_t size = std::min(descriptors.size(), most_descriptors) * sizeof(int);
  if (size != 0) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), descriptors.data(), size);
  }
  return ::sendmsg(socket.get(), &message, MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

std::string receive_message(const FileDescriptor& socket, std::size_t most, int seconds) {
  const timeval wait{seconds, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
  std::string text(most, '\0');
  ssize_t got = -1;
  do {
    got = ::recv(socket.get(), text.data(), text.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno != ECONNRESET) {
    const int reason = errno;
    if (reason != EAGAIN) throw system_error("recv", "", reason);
    throw Error("no answer of the network's process within " + std::to_string(seconds) +
                " seconds");
  }
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return text;
}

}  // namespace slipway
