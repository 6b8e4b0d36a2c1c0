#include <executor/containers/network/frame_switch.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t short_id = 12;
// slirp4netns's of its own addresses; it takes frames to any.
constexpr Mac outside_mac = {0x52, 0x55, 0xC0, 0x00, 0x00, 0x02};
constexpr Address everybody = 0xFFFFFFFF;

bool same_name(std::string_view name, std::string_view small_letters) {
  return std::equal(name.begin(), name.end(), small_letters.begin(), small_letters.end(),
                    [](char a, char b) {
                      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
                    });
}

bool is_called(const NetworkMember& member, std::string_view name) {
  return same_name(member.name, name) || name == std::string_view(member.id).substr(0, short_id) ||
         std::any_of(member.aliases.begin(), member.aliases.end(),
                     [name](const std::string& alias) { return same_name(alias, name); });
}

bool is_group(Address address) {
  return address >> 28 == 14;  // 224.0.0.0/4
}

// Nobody outside has one of these, but slirp4netns would ask this machine's loopback device for
// 127.0.0.0/8, and what its kernel makes of the others is not ours to know.
bool is_nowhere(Address address) {
  return address >> 24 == 0 || address >> 24 == 127 || address >> 28 >= 14;
}

}  // namespace

FrameSwitch::FrameSwitch(Settings settings, FrameSink& sink)
    : settings_(std::move(settings)), sink_(sink) {}

std::optional<Address> FrameSwitch::join(NetworkMember member) {
  std::vector<Address> taken = {settings_.gateway};
  for (const auto& [address, each] : members_) taken.push_back(address);
  if (member.address == 0) {
    const auto free = free_address(settings_.range, last_given_, taken);
    if (!free) return std::nullopt;
    member.address = last_given_ = *free;
  } else if (!is_host_of(settings_.range, member.address) ||
             std::find(taken.begin(), taken.end(), member.address) != taken.end()) {
    return std::nullopt;
  }
  const Address address = member.address;
  members_.emplace(address, std::move(member));
  return address;
}

void FrameSwitch::leave(Address address) {
  members_.erase(address);
}

void FrameSwitch::from_member(Address member, Bytes frame) {
  const auto from = members_.find(member);
  const auto ethernet = read_ethernet(frame);
  if (from == members_.end() || !ethernet || ethernet->from != mac_of(member)) return;
  if (ethernet->type == ethernet_arp) return answer_arp(member, frame);
  const auto packet = read_packet(frame);
  if (!packet || packet->source != member) return;
  const Address to = packet->destination;
  if (to == settings_.gateway) return to_gateway(from->second, frame, *packet);
  if (to == everybody || to == settings_.range.broadcast() || is_group(to)) {
    for (const auto& [address, each] : members_) {
      if (address != member) sink_.to_member(address, frame);
    }
    return;
  }
  if (settings_.range.holds(to)) {
    if (to != member && members_.contains(to)) pass(to, frame, ethernet->from);
    return;
  }
  if (!uplink::range.holds(to) && !is_nowhere(to)) out(frame);
}

void FrameSwitch::from_outside(Bytes frame) {
  if (const auto request = read_arp_request(frame)) {
    if (!members_.contains(request->target)) return;
    make_arp_reply(frame, mac_of(request->target));
    sink_.to_outside(frame);
    return;
  }
  const auto packet = read_packet(frame);
  if (!packet || !members_.contains(packet->destination)) return;
  // slirp4netns's own addresses are the gateway's; nobody outside has one of the network's.
  if (uplink::range.holds(packet->source)) {
    set_source(frame, *packet, settings_.gateway);
  } else if (settings_.range.holds(packet->source)) {
    return;
  }
  pass(packet->destination, frame, mac_of(settings_.gateway));
}

void FrameSwitch::answer_arp(Address member, Bytes frame) {
  const auto request = read_arp_request(frame);
  // Whoever makes sure that nobody has its address asks for it in vain.
  if (!request || request->target == member) return;
  if (request->target != settings_.gateway && !members_.contains(request->target)) return;
  make_arp_reply(frame, mac_of(request->target));
  sink_.to_member(member, frame);
}

void FrameSwitch::to_gateway(const NetworkMember& from, Bytes frame, const Packet& packet) {
  const auto reply = [&](const std::string& text) {
    sink_.to_member(from.address,
                    {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  const bool asks_names = packet.destination_port == dns::port;
  if (asks_names) {
    if (const auto query = udp_payload(frame, packet)) {
      if (const auto answer = answer_query(from, *query)) {
        return reply(udp_reply(frame, packet, *answer));
      }
    }
  }
  if (make_echo_reply(frame, packet)) {
    sink_.to_member(from.address, frame);
    return;
  }
  if (!settings_.leads_out) {
    const bool has_port = packet.protocol == protocol_tcp || packet.protocol == protocol_udp;
    if (has_port && packet.first) reply(port_unreachable(frame, packet, settings_.gateway));
    return;
  }
  set_destination(frame, packet, asks_names ? uplink::name_server : uplink::host);
  out(frame);
}

void FrameSwitch::out(Bytes frame) {
  if (!settings_.leads_out) return;
  set_macs(frame, outside_mac, mac_of(settings_.gateway));
  sink_.to_outside(frame);
}

void FrameSwitch::pass(Address to, Bytes frame, const Mac& from) {
  set_macs(frame, mac_of(to), from);
  sink_.to_member(to, frame);
}

std::optional<std::string> FrameSwitch::answer_query(const NetworkMember& from, ConstBytes query) {
  const auto question = dns::parse_query(query);
  if (question && question->in_class == dns::class_internet) {
    if (auto addresses = named(question->name); !addresses.empty()) {
      // There are no others, and of other kinds nothing.
      if (question->type != dns::type_a) {
        return dns::answer_code(query, *question, dns::Code::no_error);
      }
      std::rotate(addresses.begin(),
                  addresses.begin() + static_cast<std::ptrdiff_t>(turn_++ % addresses.size()),
                  addresses.end());
      return dns::answer_addresses(query, *question, addresses);
    }
    if (const auto address = dns::asked_address(question->name);
        address && settings_.range.holds(*address)) {
      const auto found = members_.find(*address);
      if (question->type != dns::type_ptr || found == members_.end()) {
        return dns::answer_code(query, *question, dns::Code::no_such_name);
      }
      return dns::answer_name(query, *question, found->second.name + "." + settings_.name);
    }
  }
  if (settings_.leads_out && !from.own_name_servers) return std::nullopt;
  // Who has servers of its own asks them next.
  if (!question) return std::nullopt;
  return dns::answer_code(query, *question,
                          from.own_name_servers ? dns::Code::refused : dns::Code::no_such_name);
}

std::vector<Address> FrameSwitch::named(std::string_view name) const {
  std::vector<Address> addresses;
  if (name.empty()) return addresses;
  std::string_view inner;
  if (name.size() > settings_.name.size() + 1 &&
      name[name.size() - settings_.name.size() - 1] == '.' &&
      same_name(settings_.name, name.substr(name.size() - settings_.name.size()))) {
    inner = name.substr(0, name.size() - settings_.name.size() - 1);
  }
  for (const auto& [address, member] : members_) {
    if (is_called(member, name) || (!inner.empty() && is_called(member, inner))) {
      addresses.push_back(address);
    }
  }
  return addresses;
}

}  // namespace slipway
