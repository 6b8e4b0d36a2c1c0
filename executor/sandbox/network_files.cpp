#include <executor/sandbox/network_files.hpp>

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <fstream>
#include <iterator>
#include <sstream>

namespace slipway {
namespace {

bool is_name_server(const std::string& line) {
  std::string keyword;
  std::istringstream(line) >> keyword;
  return keyword == "nameserver";
}

// From a network of a step's own, which has IPv4.
bool is_reachable(const std::string& line) {
  std::string keyword;
  std::string address;
  std::istringstream(line) >> keyword >> address;
  in_addr number;
  return ::inet_pton(AF_INET, address.c_str(), &number) == 1 &&
         ntohl(number.s_addr) >> 24 != IN_LOOPBACKNET && number.s_addr != INADDR_ANY;
}

}  // namespace

std::string address_outside() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // Documentation's own (RFC 5737): the way there is that to any other machine. Nothing is sent.
  sockaddr_in away{};
  away.sin_family = AF_INET;
  away.sin_port = htons(9);
  ::inet_pton(AF_INET, "192.0.2.1", &away.sin_addr);
  sockaddr_in own{};
  socklen_t size = sizeof(own);
  std::array<char, INET_ADDRSTRLEN> text{};
  if (!socket || ::connect(socket.get(), reinterpret_cast<sockaddr*>(&away), sizeof(away)) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0 ||
      ::inet_ntop(AF_INET, &own.sin_addr, text.data(), text.size()) == nullptr) {
    return "";
  }
  return text.data();
}

std::string hosts_file(const RunProcess& operation, const std::string& gateway) {
  const std::string name = operation.hostname.empty() ? default_hostname : operation.hostname;
  return "127.0.0.1\tlocalhost " + name + "\n::1\tlocalhost ip6-localhost ip6-loopback\n" +
         extra_host_lines(operation, gateway);
}

std::string extra_host_lines(const RunProcess& operation, const std::string& gateway) {
  std::string text;
  for (const auto& [host, asked] : operation.extra_hosts) {
    const std::string& address = asked == "host-gateway" ? gateway : asked;
    in6_addr parsed;
    if (::inet_pton(AF_INET, address.c_str(), &parsed) != 1 &&
        ::inet_pton(AF_INET6, address.c_str(), &parsed) != 1) {
      throw Error("--add-host " + quoted(host) + ": " + quoted(address) + " is not an address");
    }
    // A line break in it would be a line of its own.
    if (host.empty() || host.find_first_of(" \t\r\n#") != std::string::npos) {
      throw Error("--add-host: " + quoted(host) + " is not a host name");
    }
    text += address + "\t" + host + "\n";
  }
  return text;
}

std::string resolv_conf() {
  std::ifstream file("/etc/resolv.conf", std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

bool names_reachable_server(const std::string& host) {
  std::istringstream lines(host);
  for (std::string line; std::getline(lines, line);) {
    if (is_name_server(line) && is_reachable(line)) return true;
  }
  return false;
}

std::string resolv_conf_inside(const std::string& host, const std::string& name_server) {
  std::string text;
  std::istringstream lines(host);
  for (std::string line; std::getline(lines, line);) {
    if (!is_name_server(line) || is_reachable(line)) text += line + "\n";
  }
  // Without such a line a resolver asks its own loopback address.
  if (!names_reachable_server(host)) text += "nameserver " + name_server + "\n";
  return text;
}

}  // namespace slipway
