// Ethernet frames as containers send them, as far as a network between containers looks into them:
// ARP and IPv4. Everything that reads is total; what is malformed is nothing.
#pragma once

#include <executor/containers/network/addresses.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace slipway {

using Mac = std::array<std::uint8_t, 6>;
using Bytes = std::span<std::uint8_t>;
using ConstBytes = std::span<const std::uint8_t>;

// That of who has this address in a network of ours, as docker makes them: 02:42 and the address.
Mac mac_of(Address address);
std::string mac_text(const Mac& mac);

constexpr std::size_t largest_packet = 65520;  // bytes of IP; slirp4netns's largest
constexpr std::size_t ethernet_size = 14;
constexpr std::size_t largest_frame = largest_packet + ethernet_size;

struct Ethernet {
  Mac to{};
  Mac from{};
  std::uint16_t type = 0;
};
constexpr std::uint16_t ethernet_ipv4 = 0x0800;
constexpr std::uint16_t ethernet_arp = 0x0806;
std::optional<Ethernet> read_ethernet(ConstBytes frame);
void set_macs(Bytes frame, const Mac& to, const Mac& from);

// Who asks for the machine with an address. Only of requests for IPv4.
struct ArpRequest {
  Address sender = 0;
  Address target = 0;
};
std::optional<ArpRequest> read_arp_request(ConstBytes frame);
// Makes the request's frame the answer: it is `answer`.
void make_arp_reply(Bytes frame, const Mac& answer);

struct Packet {
  Address source = 0;
  Address destination = 0;
  std::uint8_t protocol = 0;
  std::size_t payload = 0;  // where what is behind the header begins in the frame
  std::size_t end = 0;      // of the packet in the frame
  bool first = true;        // no fragment, or its first one
  bool whole = true;        // no fragment
  // Of TCP and UDP, else 0.
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};
constexpr std::uint8_t protocol_icmp = 1;
constexpr std::uint8_t protocol_tcp = 6;
constexpr std::uint8_t protocol_udp = 17;
std::optional<Packet> read_packet(ConstBytes frame);

// With all checksums that cover the address, by what changes in them (RFC 1624).
void set_source(Bytes frame, const Packet& packet, Address address);
void set_destination(Bytes frame, const Packet& packet, Address address);

// Of a whole UDP packet; nothing where it is none.
std::optional<ConstBytes> udp_payload(ConstBytes frame, const Packet& packet);
// The frame that answers one of UDP.
std::string udp_reply(ConstBytes frame, const Packet& packet, std::string_view payload);

// Makes a whole echo request (ping) its reply; false: it is none.
bool make_echo_reply(Bytes frame, const Packet& packet);
// The frame that says to the sender of this one that nobody listens there. `from`: who says it.
std::string port_unreachable(ConstBytes frame, const Packet& packet, Address from);

}  // namespace slipway
