// What happens to a frame in a network of containers: whom it goes to, and what the network answers
// itself. In: frames of members and of the outside. Out: the same for others. No descriptor here.
//
// Nobody can speak for another: a member's frames come from its own addresses or go nowhere. Who
// has which address is known and never learnt, so ARP is answered here and by nobody else. The
// network has one more address, the gateway's: it answers names, and leads on to the outside, which
// is slirp4netns on addresses of its own (`uplink`) that no member can name.
#pragma once

#include <executor/containers/network/addresses.hpp>
#include <executor/containers/network/dns.hpp>
#include <executor/containers/network/frames.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Where slirp4netns is for us: of the block that no machine has (RFC 6890), so that a network can
// have any range.
namespace uplink {
constexpr AddressRange range{0xC0000000, 25};  // 192.0.0.0/25
constexpr Address host = range.first + 2;      // answers for this machine
constexpr Address name_server = range.first + 3;
}  // namespace uplink

struct NetworkMember {
  std::string id;
  std::string name;
  std::vector<std::string> aliases;
  Address address = 0;
  bool own_name_servers = false;  // those it has been given are asked for all that is not here
};

// Where frames go to.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual void to_member(Address member, ConstBytes frame) = 0;
  virtual void to_outside(ConstBytes frame) = 0;
};

class FrameSwitch {
 public:
  struct Settings {
    std::string name;  // of the network: "web.NAME" is a name of "web"
    AddressRange range;
    Address gateway = 0;
    bool leads_out = false;
  };

  FrameSwitch(Settings settings, FrameSink& sink);

  // A member with the address that it asks for, or any where that is 0. Nothing: it is taken or
  // none of the network's, or all are taken.
  std::optional<Address> join(NetworkMember member);
  void leave(Address address);
  const std::map<Address, NetworkMember>& members() const { return members_; }

  // Both may change the frame.
  void from_member(Address member, Bytes frame);
  void from_outside(Bytes frame);

 private:
  void answer_arp(Address member, Bytes frame);
  void to_gateway(const NetworkMember& from, Bytes frame, const Packet& packet);
  void out(Bytes frame);
  void pass(Address to, Bytes frame, const Mac& from);
  // Nothing: it is another's to answer.
  std::optional<std::string> answer_query(const NetworkMember& from, ConstBytes query);
  std::vector<Address> named(std::string_view name) const;

  Settings settings_;
  FrameSink& sink_;
  std::map<Address, NetworkMember> members_;
  Address last_given_ = 0;
  std::size_t turn_ = 0;  // of those who share a name
};

}  // namespace slipway
