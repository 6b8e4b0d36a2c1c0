// The SSH agent protocol as the tests speak it: both sides of it.
#pragma once

#include <cache/file_descriptor.hpp>

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace slipway {

inline sockaddr_un unix_address(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

// With its length in front.
inline std::string framed(const std::string& body) {
  std::string message;
  for (int shift = 24; shift >= 0; shift -= 8)
    message += static_cast<char>(body.size() >> shift & 0xff);
  return message + body;
}

inline std::optional<std::string> receive(int socket) {
  unsigned char length[4];
  if (::recv(socket, length, 4, MSG_WAITALL) != 4) return std::nullopt;
  std::string body(std::size_t{length[0]} << 24 | std::size_t{length[1]} << 16 |
                       std::size_t{length[2]} << 8 | length[3],
                   '\0');
  std::size_t used = 0;
  while (used < body.size()) {
    const ssize_t got = ::recv(socket, body.data() + used, body.size() - used, 0);
    if (got <= 0) return std::nullopt;
    used += static_cast<std::size_t>(got);
  }
  return body;
}

// One connection to an agent.
class AgentClient {
 public:
  explicit AgentClient(const std::filesystem::path& path)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_un address = unix_address(path);
    connected = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                          sizeof(address)) == 0;
  }
  // The answer's body; nothing where the connection has ended.
  std::optional<std::string> ask(const std::string& body) { return send(framed(body)); }
  std::optional<std::string> send(const std::string& bytes) {
    ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return receive(socket_.get());
  }

  bool connected = false;

 private:
  FileDescriptor socket_;
};

// An agent that answers what it is told to, and remembers the questions.
class FakeAgent {
 public:
  explicit FakeAgent(const std::filesystem::path& path)
      : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_un address = unix_address(path);
    ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    ::listen(listener_.get(), 16);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeAgent() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
    for (std::thread& talk : talks_) talk.join();
  }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  std::function<std::string(const std::string&)> answer = [](const std::string& question) {
    return question[0] == 11 ? std::string("\x0c") + "two keys" : std::string("\x0e") + "signed";
  };

 private:
  void serve() {
    for (;;) {
      FileDescriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket) return;
      talks_.emplace_back([this, socket = std::move(socket)] {
        while (const auto question = receive(socket.get())) {
          {
            const std::lock_guard lock(mutex_);
            asked_.push_back(*question);
          }
          const std::string bytes = framed(answer(*question));
          if (::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return;
        }
      });
    }
  }

  FileDescriptor listener_;
  std::mutex mutex_;  // guards asked_: each connection has a thread
  std::vector<std::string> asked_;
  std::vector<std::thread> talks_;
  std::thread thread_;
};

}  // namespace slipway
