#include <ir/error.hpp>
#include <ir/lowering/ports.hpp>

#include <arpa/inet.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace slipway {
namespace {

using Range = std::pair<std::uint32_t, std::uint32_t>;

std::optional<std::uint32_t> port_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > 65535)
    return std::nullopt;
  return value;
}

std::optional<Range> port_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = port_number(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : port_number(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return Range{*first, *last};
}

// Brackets around an IPv6 address may stay away.
bool is_address(std::string_view text) {
  const bool bracket = text.starts_with('[');
  if (bracket != text.ends_with(']')) return false;
  if (bracket) text = text.substr(1, text.size() - 2);
  const std::string address(text);
  unsigned char bytes[16];
  return ::inet_pton(AF_INET, address.c_str(), bytes) == 1 ||
         ::inet_pton(AF_INET6, address.c_str(), bytes) == 1;
}

}  // namespace

std::vector<std::string> parse_ports(std::string_view text) {
  const auto malformed = [&](const char* what) {
    return Error(std::string(what) + " in " + slipway::quoted(text))
        .hint("write PORT[-PORT][/tcp|/udp|/sctp], such as 8080 or 8000-8010/udp");
  };
  // Address and host port say nothing in an image and are dropped, as docker drops them.
  const std::size_t colon = text.rfind(':');
  std::string_view ports = colon == std::string_view::npos ? text : text.substr(colon + 1);
  std::optional<Range> host;
  if (colon != std::string_view::npos) {
    std::string_view before = text.substr(0, colon);
    if (const std::size_t second = before.rfind(':'); second != std::string_view::npos) {
      const std::string_view address = before.substr(0, second);
      if (!address.empty() && !is_address(address)) throw malformed("invalid IP address");
      before.remove_prefix(second + 1);
    }
    if (!before.empty() && !(host = port_range(before))) throw malformed("invalid host port");
  }
  std::string protocol = "tcp";
  if (const std::size_t slash = ports.find('/'); slash != std::string_view::npos) {
    if (slash + 1 < ports.size()) protocol = ports.substr(slash + 1);
    for (char& c : protocol)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    ports = ports.substr(0, slash);
  }
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
    throw malformed("unknown protocol");
  const auto range = port_range(ports);
  if (!range) throw malformed("invalid port");
  if (host && range->first != range->second &&
      host->second - host->first != range->second - range->first)
    throw malformed("port ranges of different lengths");

  std::vector<std::string> result;
  for (std::uint32_t port = range->first; port <= range->second; ++port)
    result.push_back(std::to_string(port) + "/" + protocol);
  return result;
}

}  // namespace slipway
