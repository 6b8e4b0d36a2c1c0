// Between a client and the real server of a cache: what a bad network, or a bad server, makes of
// it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

class FaultyProxy {
 public:
  enum class Fault {
    none,
    drop,     // a connection ends with its first request
    error,    // status 500
    stall,    // no answer comes
    cut,      // a connection ends after so many bytes of answers
    corrupt,  // headers are whole, bodies have other bytes
  };

  // `port`: of the server, on 127.0.0.1.
  explicit FaultyProxy(std::uint16_t port);
  ~FaultyProxy();
  FaultyProxy(const FaultyProxy&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // From now on, and for connections that are open.
  void fail(Fault fault, std::size_t after = 0);

 private:
  void serve();
  void converse(int client);
  bool pass_answer(int client, std::string bytes, std::size_t& passed);

  const std::uint16_t target_;
  int socket_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> ending_ = false;
  std::atomic<Fault> fault_ = Fault::none;
  std::atomic<std::size_t> after_ = 0;
  std::vector<std::thread> conversations_;  // thread_'s alone
  std::thread thread_;
};
