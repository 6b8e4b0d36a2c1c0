// Packets and frames as containers send them.
#pragma once

#include <executor/containers/network/frames.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace slipway {

inline std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline Bytes changeable(std::string& text) {
  return {reinterpret_cast<std::uint8_t*>(text.data()), text.size()};
}

inline std::string in_two(unsigned value) {
  return {static_cast<char>(value >> 8 & 255), static_cast<char>(value & 255)};
}

inline std::string in_four(std::uint32_t value) {
  return in_two(value >> 16) + in_two(value & 0xFFFF);
}

// A DNS query with recursion.
inline std::string query(std::string_view name, unsigned type) {
  std::string text("\x12\x34\1\0\0\1\0\0\0\0\0\0", 12);
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    name.remove_prefix(std::min(name.size(), label.size() + 1));
    text += static_cast<char>(label.size());
    text += label;
  }
  return text + '\0' + in_two(type) + in_two(1);
}

// RFC 1071: of correct bytes with their sum in them it is 0.
inline unsigned checksum_of(std::string_view bytes) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const auto byte = static_cast<std::uint8_t>(bytes[at]);
    sum += at % 2 == 0 ? std::uint32_t{byte} << 8 : byte;
  }
  while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return ~sum & 0xFFFF;
}

inline std::string mac_bytes(const Mac& mac) {
  return {reinterpret_cast<const char*>(mac.data()), mac.size()};
}

inline std::string ip_packet(unsigned protocol, Address from, Address to, const std::string& data) {
  std::string header = std::string("\x45\0", 2) + in_two(static_cast<unsigned>(20 + data.size())) +
                       std::string("\0\1\0\0\x40", 5) + static_cast<char>(protocol) + in_two(0) +
                       in_four(from) + in_four(to);
  header.replace(10, 2, in_two(checksum_of(header)));
  return header + data;
}

inline std::string with_sum(unsigned protocol, Address from, Address to, std::string data,
                            std::size_t at) {
  const std::string pseudo =
      in_four(from) + in_four(to) + in_two(protocol) + in_two(static_cast<unsigned>(data.size()));
  data.replace(at, 2, in_two(checksum_of(pseudo + data)));
  return data;
}

inline std::string udp_packet(Address from, unsigned from_port, Address to, unsigned to_port,
                              const std::string& data) {
  const std::string udp = in_two(from_port) + in_two(to_port) +
                          in_two(static_cast<unsigned>(8 + data.size())) + in_two(0) + data;
  return ip_packet(protocol_udp, from, to, with_sum(protocol_udp, from, to, udp, 6));
}

inline std::string tcp_packet(Address from, unsigned from_port, Address to, unsigned to_port) {
  const std::string tcp = in_two(from_port) + in_two(to_port) + in_four(1) + in_four(0) +
                          std::string("\x50\2\1\0\0\0\0\0", 8);
  return ip_packet(protocol_tcp, from, to, with_sum(protocol_tcp, from, to, tcp, 16));
}

inline std::string ping(Address from, Address to) {
  std::string echo("\x8\0\0\0\0\1\0\1data", 12);
  echo.replace(2, 2, in_two(checksum_of(echo)));
  return ip_packet(protocol_icmp, from, to, echo);
}

inline std::string frame(const Mac& to, const Mac& from, unsigned type, const std::string& data) {
  return mac_bytes(to) + mac_bytes(from) + in_two(type) + data;
}

inline std::string arp_request(Address from, Address target) {
  return frame({255, 255, 255, 255, 255, 255}, mac_of(from), ethernet_arp,
               std::string("\0\1\x8\0\6\4\0\1", 8) + mac_bytes(mac_of(from)) + in_four(from) +
                   std::string(6, '\0') + in_four(target));
}

// Whether every sum of the frame's packet is right.
inline bool sums_are_right(const std::string& text) {
  const auto packet = read_packet(bytes_of(text));
  if (!packet || checksum_of(std::string_view(text).substr(14, packet->payload - 14)) != 0) {
    return false;
  }
  const std::string data = text.substr(packet->payload, packet->end - packet->payload);
  if (packet->protocol == protocol_icmp) return checksum_of(data) == 0;
  return checksum_of(in_four(packet->source) + in_four(packet->destination) +
                     in_two(packet->protocol) + in_two(static_cast<unsigned>(data.size())) +
                     data) == 0;
}

}  // namespace slipway
