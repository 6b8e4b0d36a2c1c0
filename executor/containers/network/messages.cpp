#include <executor/containers/network/messages.hpp>

#include <algorithm>
#include <charconv>

namespace slipway {
namespace {

std::string_view next(std::string_view& rest, char separator) {
  const std::string_view part = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  return part;
}

bool read_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

std::optional<PortMapping> parse_mapping(std::string_view line) {
  PortMapping mapping;
  mapping.host_address = next(line, ' ');
  if (!parse_address(mapping.host_address) || !read_port(next(line, ' '), mapping.host_port) ||
      !read_port(next(line, ' '), mapping.port) || (line != "tcp" && line != "udp")) {
    return std::nullopt;
  }
  mapping.protocol = line;
  return mapping;
}

}  // namespace

std::string write_join(const JoinRequest& request) {
  const NetworkMember& member = request.member;
  std::string text = "join\nid " + member.id + "\nname " + member.name + "\n";
  for (const std::string& alias : member.aliases) text += "alias " + alias + "\n";
  if (member.address != 0) text += "address " + address_text(member.address) + "\n";
  if (member.own_name_servers) text += "own-servers\n";
  for (const PortMapping& port : request.ports) {
    text += "port " + port.host_address + " " + std::to_string(port.host_port) + " " +
            std::to_string(port.port) + " " + port.protocol + "\n";
  }
  return text;
}

std::optional<JoinRequest> parse_join(std::string_view text) {
  if (next(text, '\n') != "join") return std::nullopt;
  JoinRequest request;
  while (!text.empty()) {
    std::string_view line = next(text, '\n');
    const std::string_view word = next(line, ' ');
    if (word == "id") {
      request.member.id = line;
    } else if (word == "name") {
      request.member.name = line;
    } else if (word == "alias") {
      request.member.aliases.emplace_back(line);
    } else if (word == "own-servers") {
      request.member.own_name_servers = true;
    } else if (word == "address") {
      const auto address = parse_address(line);
      if (!address) return std::nullopt;
      request.member.address = *address;
    } else if (word == "port") {
      auto mapping = parse_mapping(line);
      if (!mapping) return std::nullopt;
      request.ports.push_back(std::move(*mapping));
    } else {
      return std::nullopt;
    }
  }
  if (request.member.id.empty() || request.member.name.empty()) return std::nullopt;
  return request;
}

std::string write_members(const std::vector<NetworkMember>& members) {
  std::string text;
  for (const NetworkMember& member : members) {
    std::string line =
        "member " + member.id + " " + address_text(member.address) + " " + member.name + "\n";
    if (text.size() + line.size() > largest_message) break;
    text += line;
  }
  return text;
}

std::vector<NetworkMember> parse_members(std::string_view text) {
  std::vector<NetworkMember> members;
  while (!text.empty()) {
    std::string_view line = next(text, '\n');
    if (next(line, ' ') != "member") continue;
    NetworkMember member;
    member.id = next(line, ' ');
    member.address = parse_address(next(line, ' ')).value_or(0);
    member.name = line;
    if (member.address != 0) members.push_back(std::move(member));
  }
  return members;
}

}  // namespace slipway
