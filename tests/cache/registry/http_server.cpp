#include "http_server.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <utility>

HttpServer::HttpServer(std::function<Reply(const Request&)> answer) : answer_(std::move(answer)) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(socket_ >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  socklen_t length = sizeof address;
  REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  port_ = ntohs(address.sin_port);
  REQUIRE(::listen(socket_, 16) == 0);
  thread_ = std::thread([this] { serve(); });
}

HttpServer::~HttpServer() {
  stopping_ = true;
  thread_.join();
  ::close(socket_);
}

std::string HttpServer::address() const { return "127.0.0.1:" + std::to_string(port_); }

std::vector<HttpServer::Request> HttpServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void HttpServer::serve() {
  while (!stopping_) {
    pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 20) <= 0) continue;
    const int connection = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    conversations_.emplace_back([this, connection] {
      converse(connection);
      ::close(connection);
    });
  }
  for (std::thread& conversation : conversations_) conversation.join();
}

// One request a connection: slow, and simple.
void HttpServer::converse(int connection) {
  std::string text;
  char buffer[4096];
  std::size_t end = std::string::npos;
  while ((end = text.find("\r\n\r\n")) == std::string::npos) {
    const ssize_t got = ::recv(connection, buffer, sizeof buffer, 0);
    if (got <= 0) return;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  Request request;
  std::size_t at = text.find("\r\n");
  const std::string first = text.substr(0, at);
  request.method = first.substr(0, first.find(' '));
  request.path = first.substr(request.method.size() + 1);
  request.path.resize(request.path.find(' '));
  while (at < end) {
    const std::size_t start = at + 2;
    at = text.find("\r\n", start);
    std::string line = text.substr(start, at - start);
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request.headers[name] = line.substr(colon + 2);
  }
  request.body = text.substr(end + 4);
  const std::string claimed = request.headers["content-length"];
  while (!claimed.empty() && request.body.size() < std::stoul(claimed)) {
    const ssize_t got = ::recv(connection, buffer, sizeof buffer, 0);
    if (got <= 0) return;
    request.body.append(buffer, static_cast<std::size_t>(got));
  }
  Reply reply;
  {
    const std::lock_guard lock(mutex_);
    reply = answer_(request);
    requests_.push_back(request);
  }
  if (reply.delay) reply.delay();
  if (reply.dropped) return;
  const auto send = [connection](std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
  };
  std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " Status\r\n";
  for (const auto& [name, value] : reply.headers) out += name + ": " + value + "\r\n";
  out += "Connection: close\r\n";
  if (reply.stream) {
    if (send(out + "\r\n") && request.method != "HEAD") reply.stream(send);
    return;
  }
  out += "Content-Length: " + std::to_string(reply.body.size() + reply.claimed_extra) + "\r\n\r\n";
  if (request.method != "HEAD") out += reply.body;
  send(out);
}
