#include "port_flags.hpp"

#include <ir/error.hpp>
#include <ir/quantities.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string_view>

namespace slipway {
namespace {

constexpr const char* shape = "[[ADDRESS:]PORT:]PORT[/tcp|/udp], for example 127.0.0.1:8080:80";

Error wrong(const char* flag, const std::string& text, const std::string& why) {
  return Error(std::string(flag) + " " + quoted(text) + " " + why);
}

struct Range {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint32_t count() const { return last - first + 1; }
};

Range parse_range(const char* flag, const std::string& text, std::string_view part,
                  std::uint32_t least) {
  const std::size_t dash = part.find('-');
  const auto first = read_number(part.substr(0, dash), 10);
  const auto last = dash == part.npos ? first : read_number(part.substr(dash + 1), 10);
  if (part.empty() || !first || !last || *first > *last || *first < least || *last > 65535)
    throw wrong(flag, text, "has " + quoted(part) + " for a port")
        .hint("a number up to 65535, or a range of them: 8000-8010");
  return {*first, *last};
}

// Takes the protocol off.
std::string take_protocol(const char* flag, const std::string& text, std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  if (slash == rest.npos) return "tcp";
  std::string protocol(rest.substr(slash + 1));
  rest = rest.substr(0, slash);
  std::transform(protocol.begin(), protocol.end(), protocol.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (protocol == "tcp" || protocol == "udp") return protocol;
  if (protocol == "sctp" && flag == std::string_view("--expose")) return protocol;
  throw wrong(flag, text, "has a protocol that is not known, " + quoted(protocol))
      .hint("tcp or udp");
}

void require_address(const std::string& text, const std::string& address) {
  in6_addr parsed{};
  const int family = address.find(':') == address.npos ? AF_INET : AF_INET6;
  if (::inet_pton(family, address.c_str(), &parsed) == 1) return;
  throw wrong("--publish", text, "has " + quoted(address) + ", which is no address of this machine")
      .hint("a number, as 127.0.0.1 or [::1]; none for all of them");
}

}  // namespace

std::vector<PortMapping> parse_published(const std::string& text) {
  constexpr const char* flag = "--publish";
  std::string_view rest = text;
  const std::string protocol = take_protocol(flag, text, rest);
  std::string address;
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == rest.npos || rest.substr(end + 1, 1) != ":")
      throw wrong(flag, text, "is no port").hint(shape);
    address = rest.substr(1, end - 1);
    rest.remove_prefix(end + 2);
    require_address(text, address);
  }
  const std::size_t last_colon = rest.rfind(':');
  const std::string_view inside = last_colon == rest.npos ? rest : rest.substr(last_colon + 1);
  std::string_view outside =
      last_colon == rest.npos ? std::string_view() : rest.substr(0, last_colon);
  const std::size_t colon = outside.rfind(':');
  if (colon != outside.npos) {
    if (!address.empty()) throw wrong(flag, text, "is no port").hint(shape);
    // Docker takes IPv6 without brackets, too.
    address = outside.substr(0, colon);
    outside.remove_prefix(colon + 1);
    if (!address.empty()) require_address(text, address);
  }
  const Range ports = parse_range(flag, text, inside, 1);
  // An empty one, as in 127.0.0.1::80, is any that is free.
  const Range host = outside.empty() ? Range() : parse_range(flag, text, outside, 0);
  const bool chosen = !outside.empty() && host.last != 0;
  if (chosen && host.count() != ports.count())
    throw wrong(flag, text,
                "has ranges of " + std::to_string(host.count()) + " and " +
                    std::to_string(ports.count()) + " ports")
        .hint("each port is one of the other side");
  std::vector<PortMapping> mappings;
  for (std::uint32_t offset = 0; offset < ports.count(); ++offset) {
    PortMapping mapping;
    mapping.host_address = address;
    mapping.host_port = chosen ? static_cast<std::uint16_t>(host.first + offset) : std::uint16_t{0};
    mapping.port = static_cast<std::uint16_t>(ports.first + offset);
    mapping.protocol = protocol;
    mappings.push_back(std::move(mapping));
  }
  return mappings;
}

std::set<std::string> parse_exposed(const std::string& text) {
  constexpr const char* flag = "--expose";
  std::string_view rest = text;
  const std::string protocol = take_protocol(flag, text, rest);
  const Range range = parse_range(flag, text, rest, 1);
  std::set<std::string> ports;
  for (std::uint32_t port = range.first; port <= range.last; ++port)
    ports.insert(std::to_string(port) + "/" + protocol);
  return ports;
}

}  // namespace slipway
