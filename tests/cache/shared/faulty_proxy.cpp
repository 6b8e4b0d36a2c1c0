#include "faulty_proxy.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string_view>

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

// What has come; empty at the end.
std::string receive(int socket) {
  std::string bytes(1 << 16, '\0');
  const ssize_t got = ::recv(socket, bytes.data(), bytes.size(), 0);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

}  // namespace

FaultyProxy::FaultyProxy(std::uint16_t port) : target_(port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(socket_ >= 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  REQUIRE(::listen(socket_, 16) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

FaultyProxy::~FaultyProxy() {
  ending_ = true;
  thread_.join();
  ::close(socket_);
}

void FaultyProxy::fail(Fault fault, std::size_t after) {
  after_ = after;
  fault_ = fault;
}

void FaultyProxy::serve() {
  while (!ending_) {
    pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 20) <= 0) continue;
    const int client = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    conversations_.emplace_back([this, client] {
      converse(client);
      ::close(client);
    });
  }
  for (std::thread& conversation : conversations_) conversation.join();
}

void FaultyProxy::converse(int client) {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(target_);
  bool open = ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  std::size_t passed = 0;
  while (open && !ending_) {
    pollfd ready[2] = {{.fd = client, .events = POLLIN, .revents = 0},
                       {.fd = server, .events = POLLIN, .revents = 0}};
    if (::poll(ready, 2, 20) <= 0) continue;
    if (ready[0].revents != 0) {
      const std::string bytes = receive(client);
      open = !bytes.empty() && fault_ != Fault::drop && send_all(server, bytes);
      if (open && fault_ == Fault::error) {
        send_all(client, "HTTP/1.1 500 Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        open = false;
      }
    }
    if (open && ready[1].revents != 0) open = pass_answer(client, receive(server), passed);
  }
  ::close(server);
}

bool FaultyProxy::pass_answer(int client, std::string bytes, std::size_t& passed) {
  if (bytes.empty()) return false;
  const Fault fault = fault_;
  if (fault == Fault::stall) return true;  // taken, and not given on
  if (fault == Fault::corrupt) {
    const std::size_t end = bytes.find("\r\n\r\n");
    const bool has_headers = bytes.starts_with("HTTP/1.") && end != std::string::npos;
    for (std::size_t i = has_headers ? end + 4 : 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<char>(bytes[i] ^ 0x01);
  }
  if (fault == Fault::cut) {
    const std::size_t after = after_;
    bytes.resize(std::min(bytes.size(), after - std::min(after, passed)));
    send_all(client, bytes);
    passed += bytes.size();
    return passed < after;
  }
  passed += bytes.size();
  return send_all(client, bytes);
}
