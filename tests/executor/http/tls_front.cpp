#include "tls_front.hpp"

#include <cache/programs.hpp>

#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string_view>

namespace slipway {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

void send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

// Both directions, until the plain side, which ends each connection after its answer, has ended.
void pump(SSL* tls, int outer, int inner) {
  char buffer[16384];
  while (true) {
    pollfd ready[2] = {{outer, POLLIN, 0}, {inner, POLLIN, 0}};
    if (SSL_pending(tls) == 0 && ::poll(ready, 2, 10'000) <= 0) return;
    if (SSL_pending(tls) > 0 || ready[0].revents != 0) {
      const int got = SSL_read(tls, buffer, sizeof buffer);
      if (got <= 0) return;
      send_all(inner, {buffer, static_cast<std::size_t>(got)});
    }
    if (ready[1].revents != 0) {
      const ssize_t got = ::recv(inner, buffer, sizeof buffer, 0);
      if (got <= 0 || SSL_write(tls, buffer, static_cast<int>(got)) <= 0) return;
    }
  }
}

}  // namespace

Authority::Authority() {
  REQUIRE(run_command(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
      "'/CN=authority of a test' -keyout '" +
      path("ca.key") + "' -out '" + path("ca.pem") + "'"));
}

void Authority::issue(const std::string& name, const std::string& subject) const {
  REQUIRE(
      run_command("cd '" + folder_.path().string() +
                  "'\nset -e\nopenssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "
                  "'/CN=server of a test' -keyout " +
                  name + ".key -out request\nprintf 'subjectAltName=" + subject +
                  "\\n' >extensions\nopenssl x509 -req -in request -CA ca.pem -CAkey ca.key "
                  "-CAcreateserial -days 2 -extfile extensions -out " +
                  name + ".pem"));
}

TlsFront::TlsFront(std::string address, const Authority& authority, const std::string& certificate)
    : behind_(static_cast<std::uint16_t>(std::stoul(address.substr(address.find(':') + 1)))) {
  // OpenSSL writes to sockets whose other end may be gone.
  ::signal(SIGPIPE, SIG_IGN);
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  context_ = context;
  REQUIRE(context != nullptr);
  REQUIRE(SSL_CTX_use_certificate_file(context, authority.path(certificate + ".pem").c_str(),
                                       SSL_FILETYPE_PEM) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey_file(context, authority.path(certificate + ".key").c_str(),
                                      SSL_FILETYPE_PEM) == 1);
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in own = loopback(0);
  socklen_t length = sizeof own;
  REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&own), length) == 0);
  REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&own), &length) == 0);
  port_ = ntohs(own.sin_port);
  REQUIRE(::listen(socket_, 16) == 0);
  thread_ = std::thread([this] { serve(); });
}

TlsFront::~TlsFront() {
  stopping_ = true;
  thread_.join();
  ::close(socket_);
  SSL_CTX_free(static_cast<SSL_CTX*>(context_));
}

void TlsFront::serve() {
  while (!stopping_) {
    pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 20) <= 0) continue;
    const int outer = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (outer < 0) continue;
    SSL* tls = SSL_new(static_cast<SSL_CTX*>(context_));
    SSL_set_fd(tls, outer);
    // Refused by who does not trust the certificate.
    if (SSL_accept(tls) == 1) {
      const int inner = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_in address = loopback(behind_);
      if (::connect(inner, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        pump(tls, outer, inner);
      ::close(inner);
      SSL_shutdown(tls);
    }
    SSL_free(tls);
    ::close(outer);
  }
}

}  // namespace slipway
