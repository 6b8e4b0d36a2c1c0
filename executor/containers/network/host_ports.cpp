#include <executor/containers/network/host_ports.hpp>

#include <cache/file_descriptor.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

namespace slipway {
namespace {

constexpr std::size_t largest_reply = 4096;
constexpr time_t patience = 5;  // seconds

// The text behind "KEY": up to what ends a value.
std::optional<std::string_view> value_of(std::string_view text, std::string_view key) {
  const std::string quoted_key = "\"" + std::string(key) + "\"";
  const std::size_t found = text.find(quoted_key);
  if (found == std::string_view::npos) return std::nullopt;
  text.remove_prefix(found + quoted_key.size());
  const std::size_t begin = text.find_first_not_of(" :");
  if (begin == std::string_view::npos) return std::nullopt;
  return text.substr(begin);
}

ApiReply failed(const char* call) {
  return {std::nullopt, std::string(call) + ": " + std::strerror(errno), false};
}

using Clock = std::chrono::steady_clock;

int milliseconds_until(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

ApiReply ask(int folder, const std::string& request, const AwaitReadable& await) {
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return failed("socket");
  const timeval wait{patience, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
  // By the folder's descriptor: a path of a socket has 108 bytes at most.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(folder) + "/" + api_socket;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return failed("connect");
  }
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return failed("send");
  }
  ::shutdown(socket.get(), SHUT_WR);
  const auto end = Clock::now() + std::chrono::seconds(patience);
  std::string reply;
  std::array<char, 512> buffer;
  while (reply.size() < largest_reply) {
    const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {
      const int left = milliseconds_until(end);
      if (left != 0 && await(socket.get(), left)) continue;
      errno = ETIMEDOUT;
    }
    if (got < 0) return failed("recv");
    if (got == 0) break;
    reply.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return parse_api_reply(reply);
}

}  // namespace

bool await_readable(int descriptor, int milliseconds) {
  pollfd readable = {descriptor, POLLIN, 0};
  const int count = ::poll(&readable, 1, milliseconds);
  return count > 0 || (count < 0 && errno == EINTR);
}

ApiReply parse_api_reply(std::string_view text) {
  ApiReply reply;
  if (const auto error = value_of(text, "desc")) {
    std::string_view said = *error;
    if (said.starts_with('"')) said.remove_prefix(1);
    said = said.substr(0, said.find('"'));
    reply.answered = true;
    reply.error = said.empty() ? "slirp4netns does not say why" : said;
    return reply;
  }
  if (!value_of(text, "return")) {
    reply.error = "slirp4netns gives no answer";
    return reply;
  }
  reply.answered = true;
  if (const auto id = value_of(text, "id")) {
    std::int64_t number = 0;
    if (std::from_chars(id->data(), id->data() + id->size(), number).ec == std::errc()) {
      reply.number = number;
    }
  }
  return reply;
}

ApiReply open_host_port(int folder, const PortMapping& mapping, Address container,
                        const AwaitReadable& await) {
  // Numbers, and addresses that were parsed: nothing to escape.
  return ask(folder,
             "{\"execute\":\"add_hostfwd\",\"arguments\":{\"proto\":\"" + mapping.protocol +
                 "\",\"host_addr\":\"" + mapping.host_address +
                 "\",\"host_port\":" + std::to_string(mapping.host_port) + ",\"guest_addr\":\"" +
                 address_text(container) + "\",\"guest_port\":" + std::to_string(mapping.port) +
                 "}}",
             await);
}

ApiReply close_host_port(int folder, std::int64_t number, const AwaitReadable& await) {
  return ask(
      folder,
      "{\"execute\":\"remove_hostfwd\",\"arguments\":{\"id\":" + std::to_string(number) + "}}",
      await);
}

}  // namespace slipway
