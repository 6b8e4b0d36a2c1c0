#include <executor/containers/network/frames.hpp>

#include <algorithm>
#include <cstring>

namespace slipway {
namespace {

constexpr std::size_t arp_size = 28;
constexpr std::size_t smallest_header = 20;
constexpr std::size_t udp_size = 8;
constexpr std::size_t ports_size = 4;
constexpr std::size_t source_at = ethernet_size + 12;
constexpr std::size_t destination_at = ethernet_size + 16;
constexpr std::size_t header_sum_at = ethernet_size + 10;
constexpr std::uint8_t hops = 64;

std::uint16_t get16(ConstBytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

std::uint32_t get32(ConstBytes bytes, std::size_t at) {
  return static_cast<std::uint32_t>(get16(bytes, at)) << 16 | get16(bytes, at + 2);
}

void put16(Bytes bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value & 255);
}

void put32(Bytes bytes, std::size_t at, std::uint32_t value) {
  put16(bytes, at, static_cast<std::uint16_t>(value >> 16));
  put16(bytes, at + 2, static_cast<std::uint16_t>(value & 0xFFFF));
}

std::uint16_t folded(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// RFC 1071, without the final complement.
std::uint32_t sum_of(ConstBytes bytes) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) sum += get16(bytes, at);
  if (bytes.size() % 2 != 0) sum += static_cast<std::uint32_t>(bytes.back() << 8);
  return folded(sum);
}

std::uint16_t checksum(ConstBytes bytes) {
  return static_cast<std::uint16_t>(~sum_of(bytes));
}

void correct(Bytes frame, std::size_t at, Address before, Address after) {
  const auto half = [](std::uint32_t value) { return static_cast<std::uint16_t>(value & 0xFFFF); };
  const std::uint32_t sum = half(~std::uint32_t{get16(frame, at)}) + half(~(before >> 16)) +
                            half(~before) + half(after >> 16) + half(after);
  put16(frame, at, static_cast<std::uint16_t>(~folded(sum)));
}

void set_address(Bytes frame, const Packet& packet, std::size_t at, Address after) {
  const Address before = get32(frame, at);
  if (before == after) return;
  put32(frame, at, after);
  correct(frame, header_sum_at, before, after);
  if (!packet.first) return;
  // The sums of TCP and UDP cover the addresses too.
  std::size_t sum = 0;
  if (packet.protocol == protocol_tcp) sum = packet.payload + 16;
  if (packet.protocol == protocol_udp) sum = packet.payload + 6;
  if (sum == 0 || sum + 2 > packet.end) return;
  const bool without = packet.protocol == protocol_udp && get16(frame, sum) == 0;
  if (!without) correct(frame, sum, before, after);
}

// An IPv4 header without options, behind the header of a frame that goes back to where `frame` came
// from.
std::string begin_reply(ConstBytes frame, std::uint8_t protocol, Address from, Address to,
                        std::size_t payload) {
  std::string text(ethernet_size + smallest_header, '\0');
  const Bytes reply(reinterpret_cast<std::uint8_t*>(text.data()), text.size());
  std::copy_n(frame.begin() + 6, 6, reply.begin());
  std::copy_n(frame.begin(), 6, reply.begin() + 6);
  put16(reply, 12, ethernet_ipv4);
  const Bytes header = reply.subspan(ethernet_size);
  header[0] = 0x45;
  put16(header, 2, static_cast<std::uint16_t>(smallest_header + payload));
  header[8] = hops;
  header[9] = protocol;
  put32(header, 12, from);
  put32(header, 16, to);
  put16(header, 10, checksum(header));
  return text;
}

}  // namespace

Mac mac_of(Address address) {
  Mac mac = {0x02, 0x42};
  put32(Bytes(mac), 2, address);
  return mac;
}

std::string mac_text(const Mac& mac) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t each : mac) {
    if (!text.empty()) text += ':';
    text += digits[each >> 4];
    text += digits[each & 15];
  }
  return text;
}

std::optional<Ethernet> read_ethernet(ConstBytes frame) {
  if (frame.size() < ethernet_size) return std::nullopt;
  Ethernet header;
  std::copy_n(frame.begin(), 6, header.to.begin());
  std::copy_n(frame.begin() + 6, 6, header.from.begin());
  header.type = get16(frame, 12);
  return header;
}

void set_macs(Bytes frame, const Mac& to, const Mac& from) {
  std::copy(to.begin(), to.end(), frame.begin());
  std::copy(from.begin(), from.end(), frame.begin() + 6);
}

std::optional<ArpRequest> read_arp_request(ConstBytes frame) {
  if (frame.size() < ethernet_size + arp_size || get16(frame, 12) != ethernet_arp) {
    return std::nullopt;
  }
  const ConstBytes arp = frame.subspan(ethernet_size);
  constexpr std::uint8_t request[] = {0, 1, 8, 0, 6, 4, 0, 1};  // Ethernet's, for IPv4
  if (!std::equal(std::begin(request), std::end(request), arp.begin())) return std::nullopt;
  return ArpRequest{get32(arp, 14), get32(arp, 24)};
}

void make_arp_reply(Bytes frame, const Mac& answer) {
  const Bytes arp = frame.subspan(ethernet_size);
  const Address target = get32(arp, 24);
  put16(arp, 6, 2);
  // The asker's addresses become the target's, the asked one's the sender's.
  std::copy_n(arp.begin() + 8, 10, arp.begin() + 18);
  std::copy(answer.begin(), answer.end(), arp.begin() + 8);
  put32(arp, 14, target);
  Mac asker;
  std::copy_n(frame.begin() + 6, 6, asker.begin());
  set_macs(frame, asker, answer);
}

std::optional<Packet> read_packet(ConstBytes frame) {
  if (frame.size() < ethernet_size + smallest_header || get16(frame, 12) != ethernet_ipv4) {
    return std::nullopt;
  }
  const ConstBytes header = frame.subspan(ethernet_size);
  const std::size_t header_size = (header[0] & 15U) * 4;
  const std::size_t size = get16(header, 2);
  if (header[0] >> 4 != 4 || header_size < smallest_header || size < header_size ||
      size > header.size()) {
    return std::nullopt;
  }
  Packet packet;
  packet.source = get32(header, 12);
  packet.destination = get32(header, 16);
  packet.protocol = header[9];
  packet.payload = ethernet_size + header_size;
  packet.end = ethernet_size + size;
  const std::uint16_t fragment = get16(header, 6);
  packet.first = (fragment & 0x1FFF) == 0;
  packet.whole = (fragment & 0x3FFF) == 0;
  if (packet.first && (packet.protocol == protocol_tcp || packet.protocol == protocol_udp) &&
      packet.end - packet.payload >= ports_size) {
    packet.source_port = get16(frame, packet.payload);
    packet.destination_port = get16(frame, packet.payload + 2);
  }
  return packet;
}

void set_source(Bytes frame, const Packet& packet, Address address) {
  set_address(frame, packet, source_at, address);
}

void set_destination(Bytes frame, const Packet& packet, Address address) {
  set_address(frame, packet, destination_at, address);
}

std::optional<ConstBytes> udp_payload(ConstBytes frame, const Packet& packet) {
  if (packet.protocol != protocol_udp || !packet.whole || packet.end - packet.payload < udp_size) {
    return std::nullopt;
  }
  const std::size_t size = get16(frame, packet.payload + 4);
  if (size < udp_size || size > packet.end - packet.payload) return std::nullopt;
  return frame.subspan(packet.payload + udp_size, size - udp_size);
}

std::string udp_reply(ConstBytes frame, const Packet& packet, std::string_view payload) {
  const std::size_t size = udp_size + payload.size();
  std::string text = begin_reply(frame, protocol_udp, packet.destination, packet.source, size);
  const std::size_t at = text.size();
  text.append(udp_size, '\0');
  text += payload;
  const Bytes udp(reinterpret_cast<std::uint8_t*>(text.data()) + at, size);
  put16(udp, 0, packet.destination_port);
  put16(udp, 2, packet.source_port);
  put16(udp, 4, static_cast<std::uint16_t>(size));
  // Over the addresses, the protocol and the size as well.
  const ConstBytes addresses(reinterpret_cast<const std::uint8_t*>(text.data()) + source_at, 8);
  const std::uint16_t sum = static_cast<std::uint16_t>(
      ~folded(sum_of(addresses) + protocol_udp + static_cast<std::uint32_t>(size) + sum_of(udp)));
  put16(udp, 6, sum == 0 ? 0xFFFF : sum);  // 0 says that there is none
  return text;
}

bool make_echo_reply(Bytes frame, const Packet& packet) {
  if (packet.protocol != protocol_icmp || !packet.whole || packet.end - packet.payload < udp_size ||
      frame[packet.payload] != 8 || frame[packet.payload + 1] != 0) {
    return false;
  }
  const Bytes message = frame.subspan(packet.payload, packet.end - packet.payload);
  message[0] = 0;
  put16(message, 2, 0);
  put16(message, 2, checksum(message));
  // The same addresses the other way round have the same sum.
  put32(frame, source_at, packet.destination);
  put32(frame, destination_at, packet.source);
  const auto header = read_ethernet(frame);
  set_macs(frame, header->from, header->to);
  return true;
}

std::string port_unreachable(ConstBytes frame, const Packet& packet, Address from) {
  // The packet's header and the first eight bytes behind it (RFC 792).
  const ConstBytes quoted =
      frame.subspan(ethernet_size, std::min(packet.end, packet.payload + udp_size) - ethernet_size);
  std::string text =
      begin_reply(frame, protocol_icmp, from, packet.source, udp_size + quoted.size());
  const std::size_t at = text.size();
  text += std::string("\3\3\0\0\0\0\0\0", udp_size);
  text.append(reinterpret_cast<const char*>(quoted.data()), quoted.size());
  const Bytes message(reinterpret_cast<std::uint8_t*>(text.data()) + at, text.size() - at);
  put16(message, 2, checksum(message));
  return text;
}

}  // namespace slipway
