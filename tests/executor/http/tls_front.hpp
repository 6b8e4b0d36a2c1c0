// TLS in front of a server that speaks none, with certificates of an authority that no machine
// trusts.
#pragma once

#include <cache/temporary_folder.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace slipway {

// An authority of a test's own. Needs the program openssl.
class Authority {
 public:
  Authority();
  // What has to be trusted: a file of PEM.
  std::string file() const { return path("ca.pem"); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  // A new certificate, with its key, for "IP:127.0.0.1" or "DNS:name": NAME.pem, NAME.key
  void issue(const std::string& name, const std::string& subject) const;

 private:
  TemporaryFolder folder_;
};

class TlsFront {
 public:
  // In front of the server at that address, with a certificate that the authority has issued.
  TlsFront(std::string address, const Authority& authority, const std::string& certificate);
  ~TlsFront();
  TlsFront(const TlsFront&) = delete;

  // "127.0.0.1:PORT"
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void serve();

  std::uint16_t behind_;
  void* context_;  // an SSL_CTX; OpenSSL's headers stay in the .cpp
  int socket_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace slipway
