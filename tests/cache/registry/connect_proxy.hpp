// An HTTP proxy on 127.0.0.1 that opens tunnels, all of them to one server of this machine: so that
// a test's server has a name of the wide world.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

class ConnectProxy {
 public:
  // `port`: of the server behind, on 127.0.0.1.
  explicit ConnectProxy(std::uint16_t port);
  ~ConnectProxy();
  ConnectProxy(const ConnectProxy&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // What tunnels were asked for, with all headers: "CONNECT registry.example:443 HTTP/1.1...".
  std::vector<std::string> asked() const;
  // From now on it answers so instead: "407 Proxy Authentication Required".
  void refuse(const std::string& status);

 private:
  void serve();
  void converse(int client);

  const std::uint16_t target_;
  int socket_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> ending_ = false;
  mutable std::mutex mutex_;  // guards asked_ and refusal_
  std::vector<std::string> asked_;
  std::string refusal_;
  std::vector<std::thread> conversations_;  // thread_'s alone
  std::thread thread_;
};
