#include "connect_proxy.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string_view>

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// What comes from one socket goes to the other. False: the end.
bool pass(int from, int to) {
  char buffer[1 << 14];
  const ssize_t got = ::recv(from, buffer, sizeof buffer, 0);
  if (got <= 0) return false;
  std::string_view bytes(buffer, static_cast<std::size_t>(got));
  while (!bytes.empty()) {
    const ssize_t put = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace

ConnectProxy::ConnectProxy(std::uint16_t port) : target_(port) {
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

ConnectProxy::~ConnectProxy() {
  ending_ = true;
  thread_.join();
  ::close(socket_);
}

std::vector<std::string> ConnectProxy::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

void ConnectProxy::refuse(const std::string& status) {
  const std::lock_guard lock(mutex_);
  refusal_ = status;
}

void ConnectProxy::serve() {
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

void ConnectProxy::converse(int client) {
  std::string request;
  while (request.find("\r\n\r\n") == std::string::npos) {
    char byte = 0;
    if (::recv(client, &byte, 1, 0) <= 0) return;
    request += byte;
  }
  std::string answer = "200 Connection established";
  {
    const std::lock_guard lock(mutex_);
    asked_.push_back(request);
    if (!refusal_.empty()) answer = refusal_;
  }
  const bool open = answer.starts_with("200");
  answer = "HTTP/1.1 " + answer + "\r\n" + (open ? "" : "Content-Length: 0\r\n") + "\r\n";
  if (::send(client, answer.data(), answer.size(), MSG_NOSIGNAL) <= 0 || !open) return;
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(target_);
  bool going = ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  while (going && !ending_) {
    pollfd ready[2] = {{.fd = client, .events = POLLIN, .revents = 0},
                       {.fd = server, .events = POLLIN, .revents = 0}};
    if (::poll(ready, 2, 20) <= 0) continue;
    if (ready[0].revents != 0) going = pass(client, server);
    if (going && ready[1].revents != 0) going = pass(server, client);
  }
  ::close(server);
}
