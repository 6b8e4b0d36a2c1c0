// A frame of a container in a network that it shares, and a DNS packet. The first byte says which.
#include "target.hpp"

#include <executor/containers/network/frame_switch.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace slipway::fuzz {
namespace {

constexpr Address gateway = 0x0A590001;
constexpr AddressRange range{0x0A590000, 24};

// What is sent has to be well-formed, and from whom it says.
class Judge final : public FrameSink {
 public:
  Address sender = 0;  // 0: the outside

  void to_member(Address member, ConstBytes frame) override {
    const auto ethernet = read_ethernet(frame);
    require(ethernet.has_value(), "what is sent to a member is a frame");
    if (ethernet->type == ethernet_arp) {
      require(member == sender, "ARP is answered to who asked");
      return;
    }
    const auto packet = read_packet(frame);
    require(packet.has_value(), "what is sent to a member is ARP or IPv4");
    if (member == sender) {
      require(packet->source == gateway, "a member hears of itself by the gateway alone");
      require(packet->destination == sender, "an answer goes to who asked");
    } else if (sender != 0) {
      require(packet->source == sender, "nobody speaks for another");
      require(ethernet->from == mac_of(sender), "nobody sends for another");
    } else {
      require(packet->destination == member, "what comes from outside goes to whom it is for");
      require(packet->source == gateway || !range.holds(packet->source),
              "nobody outside has an address of the network");
    }
  }
  void to_outside(ConstBytes frame) override {
    if (sender == 0) return;  // the answer to slirp4netns's question for an address
    const auto packet = read_packet(frame);
    require(packet && packet->source == sender, "what leaves is a member's own");
    require(!range.holds(packet->destination), "what leaves is for somebody outside");
  }
};

void try_frame(std::string frame, bool outside, bool leads_out) {
  Judge judge;
  FrameSwitch network({"back", range, gateway, leads_out}, judge);
  const auto first = network.join({"abcdef012345", "web", {"www"}, 0, false});
  require(first && network.join({"012345abcdef", "db", {"www"}, 0, true}).has_value(),
          "there is room for two");
  // Most of what is tried is from the right sender: else all of it is dropped at once.
  if (frame.size() >= ethernet_size + 16 && !outside) {
    const Mac mac = mac_of(*first);
    std::copy(mac.begin(), mac.end(), frame.begin() + 6);
    frame.replace(ethernet_size + 12, 4, std::string("\x0A\x59\0\2", 4));
  }
  const Bytes bytes(reinterpret_cast<std::uint8_t*>(frame.data()), frame.size());
  judge.sender = outside ? 0 : *first;
  if (outside) {
    network.from_outside(bytes);
  } else {
    network.from_member(*first, bytes);
  }
}

void try_query(std::string_view input) {
  const ConstBytes packet(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  const auto question = dns::parse_query(packet);
  if (!question) return;
  require(question->end <= packet.size(), "a question ends in its packet");
  require(question->name.size() < 255, "a name is bounded");
  const std::vector<Address> many(100, gateway);
  for (const std::string& answer :
       {dns::answer_addresses(packet, *question, many), dns::answer_name(packet, *question, "a.b"),
        dns::answer_name(packet, *question, question->name),
        dns::answer_code(packet, *question, dns::Code::refused)}) {
    require(answer.size() <= 512, "an answer is one that every resolver takes");
    require(answer.substr(0, 2) == input.substr(0, 2), "an answer has its question's number");
    require((answer[2] & '\x80') != 0, "an answer says that it is one");
    require(answer.substr(12, question->end - 12) == input.substr(12, question->end - 12),
            "an answer repeats its question");
  }
}

}  // namespace

void try_input(std::string_view input) {
  if (input.empty()) return;
  const int what = input.front() & 7;
  input.remove_prefix(1);
  if (what >= 4) return try_query(input);
  try_frame(std::string(input), (what & 1) != 0, (what & 2) != 0);
}

}  // namespace slipway::fuzz
