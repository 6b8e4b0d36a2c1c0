#include <executor/sandbox/network_files.hpp>

#include <ir/error.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <fstream>
#include <iterator>

namespace slipway {

std::string hosts_file(const RunProcess& operation) {
  const std::string name = operation.hostname.empty() ? default_hostname : operation.hostname;
  std::string text =
      "127.0.0.1\tlocalhost " + name + "\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  for (const auto& [host, address] : operation.extra_hosts) {
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

}  // namespace slipway
