// Whom frames go to in a network of containers, and what nobody can do there.
#include "packets.hpp"

#include <executor/containers/network/frame_switch.hpp>

#include <doctest/doctest.h>

#include <utility>
#include <vector>

using namespace slipway;

namespace {

const Address gateway = *parse_address("10.89.0.1");
const Address somewhere = *parse_address("203.0.113.7");

// What came out: the member's address, or 0 for the outside.
struct Sent : FrameSink {
  void to_member(Address member, ConstBytes bytes) override {
    frames.emplace_back(member, std::string(bytes.begin(), bytes.end()));
  }
  void to_outside(ConstBytes bytes) override { to_member(0, bytes); }
  std::vector<std::pair<Address, std::string>> frames;
};

struct TestNetwork {
  explicit TestNetwork(bool leads_out = true)
      : network({"back", {gateway & 0xFFFFFF00, 24}, gateway, leads_out}, sent) {
    web = *network.join({"abcdefabcdefabcdef", "web", {"www"}, 0, false});
    db = *network.join({"123456123456123456", "db", {"www"}, 0, false});
  }

  // What comes of one packet of a member.
  std::vector<std::pair<Address, std::string>> send(Address from, const std::string& packet) {
    return send_frame(from, frame(mac_of(gateway), mac_of(from), ethernet_ipv4, packet));
  }
  std::vector<std::pair<Address, std::string>> send_frame(Address from, std::string text) {
    sent.frames.clear();
    network.from_member(from, changeable(text));
    return sent.frames;
  }
  std::vector<std::pair<Address, std::string>> arrive(const std::string& packet) {
    std::string text = frame(mac_of(web), mac_of(gateway), ethernet_ipv4, packet);
    sent.frames.clear();
    network.from_outside(changeable(text));
    return sent.frames;
  }
  // The last four bytes of the answer's one address; empty: another answer.
  std::string resolve(const std::string& name, unsigned type = dns::type_a) {
    const auto out = send(web, udp_packet(web, 5000, gateway, 53, query(name, type)));
    if (out.size() != 1) return "nothing";
    if (out[0].first == 0) return "forwarded";
    CHECK(sums_are_right(out[0].second));
    const std::string answer = out[0].second.substr(14 + 20 + 8);
    if ((answer[3] & 15) != 0) return "code " + std::to_string(answer[3] & 15);
    if (answer[7] == 0) return "empty";
    if (type == dns::type_ptr) return answer.substr(answer.size() - 9);
    Address address = 0;
    for (const char byte : answer.substr(answer.size() - 4)) {
      address = address << 8 | static_cast<std::uint8_t>(byte);
    }
    return address_text(address);
  }

  Sent sent;
  FrameSwitch network;
  Address web = 0;
  Address db = 0;
};

}  // namespace

TEST_CASE("members get addresses one behind the other, and those they ask for if nobody has them") {
  TestNetwork test;
  CHECK(address_text(test.web) == "10.89.0.2");
  CHECK(address_text(test.db) == "10.89.0.3");
  const auto join = [&test](const char* address) {
    return test.network.join({"1", "one", {}, *parse_address(address), false}).has_value();
  };
  CHECK(join("10.89.0.9"));
  CHECK_FALSE(join("10.89.0.9"));
  CHECK_FALSE(join("10.89.0.1"));
  CHECK_FALSE(join("10.89.0.0"));
  CHECK_FALSE(join("10.89.0.255"));
  CHECK_FALSE(join("10.89.1.4"));
  // Not at once the one that was left: others may have it in memory.
  test.network.leave(test.db);
  CHECK(address_text(*test.network.join({"2", "two", {}, 0, false})) == "10.89.0.4");
  int more = 0;
  while (test.network.join({"3", "three", {}, 0, false})) ++more;
  CHECK(more == 253 - 3);
}

TEST_CASE("a frame for a member goes to that member alone") {
  TestNetwork test;
  const auto out = test.send(test.web, udp_packet(test.web, 1, test.db, 2, "data"));
  REQUIRE(out.size() == 1);
  CHECK(out[0].first == test.db);
  CHECK(out[0].second.substr(0, 6) == mac_bytes(mac_of(test.db)));
  CHECK(sums_are_right(out[0].second));
  CHECK(test.send(test.web, udp_packet(test.web, 1, *parse_address("10.89.0.77"), 2, "")).empty());
  // To everybody: to all others, and not outside.
  const auto all = test.send(test.web, udp_packet(test.web, 1, 0xFFFFFFFF, 2, "data"));
  REQUIRE(all.size() == 1);
  CHECK(all[0].first == test.db);
}

TEST_CASE("nobody sends for another") {
  TestNetwork test;
  CHECK(test.send(test.web, udp_packet(test.db, 1, somewhere, 2, "")).empty());
  CHECK(test.send(test.web, udp_packet(gateway, 1, test.db, 2, "")).empty());
  CHECK(test.send_frame(test.web, frame(mac_of(test.db), mac_of(gateway), ethernet_ipv4,
                                        udp_packet(test.web, 1, test.db, 2, "")))
            .empty());
  // Nobody outside has an address of the network, and no member reaches slirp4netns's own ones.
  CHECK(test.arrive(udp_packet(test.db, 1, test.web, 2, "")).empty());
  CHECK(test.send(test.web, udp_packet(test.web, 1, uplink::host, 2, "")).empty());
  CHECK(test.send(test.web, udp_packet(test.web, 1, uplink::name_server, 53, "")).empty());
}

TEST_CASE("addresses that nobody outside has are not asked for there") {
  TestNetwork test;
  for (const char* to :
       {"127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "240.0.0.1", "255.255.255.254"}) {
    CAPTURE(to);
    CHECK(test.send(test.web, tcp_packet(test.web, 4000, *parse_address(to), 80)).empty());
    CHECK(test.send(test.web, udp_packet(test.web, 1, *parse_address(to), 2, "data")).empty());
  }
  for (const char* to : {"1.0.0.1", "126.255.255.255", "128.0.0.1", "223.255.255.1"}) {
    CAPTURE(to);
    CHECK(test.send(test.web, tcp_packet(test.web, 4000, *parse_address(to), 80)).size() == 1);
  }
}

TEST_CASE("ARP is answered for those who are there") {
  TestNetwork test;
  for (const Address asked : {gateway, test.db}) {
    const auto out = test.send_frame(test.web, arp_request(test.web, asked));
    REQUIRE(out.size() == 1);
    CHECK(out[0].first == test.web);
    CHECK(out[0].second ==
          frame(mac_of(test.web), mac_of(asked), ethernet_arp,
                std::string("\0\1\x8\0\6\4\0\2", 8) + mac_bytes(mac_of(asked)) + in_four(asked) +
                    mac_bytes(mac_of(test.web)) + in_four(test.web)));
  }
  CHECK(test.send_frame(test.web, arp_request(test.web, somewhere)).empty());
  CHECK(test.send_frame(test.web, arp_request(test.web, test.web)).empty());
}

TEST_CASE("what leaves the network goes outside, the gateway's by slirp4netns's addresses") {
  TestNetwork test;
  for (const auto& [to, port, seen] :
       {std::tuple(somewhere, 80U, somewhere), std::tuple(gateway, 80U, uplink::host),
        std::tuple(gateway, 53U, uplink::name_server)}) {
    const auto out = test.send(test.web, tcp_packet(test.web, 4000, to, port));
    REQUIRE(out.size() == 1);
    CHECK(out[0].first == 0);
    CHECK(read_packet(bytes_of(out[0].second))->destination == seen);
    CHECK(sums_are_right(out[0].second));
  }
  for (const Address from : {uplink::host, uplink::name_server}) {
    const auto out = test.arrive(udp_packet(from, 53, test.web, 4000, "answer"));
    REQUIRE(out.size() == 1);
    CHECK(out[0].first == test.web);
    CHECK(read_packet(bytes_of(out[0].second))->source == gateway);
    CHECK(sums_are_right(out[0].second));
  }
}

TEST_CASE("names, aliases and the beginning of the ID lead to a container, whatever the case") {
  TestNetwork test;
  CHECK(test.resolve("web") == "10.89.0.2");
  CHECK(test.resolve("DB") == "10.89.0.3");
  CHECK(test.resolve("db.back") == "10.89.0.3");
  CHECK(test.resolve("abcdefabcdef") == "10.89.0.2");
  CHECK(test.resolve("web", 28) == "empty");
  CHECK(test.resolve("3.0.89.10.in-addr.arpa", dns::type_ptr) == std::string("\2db\4back\0", 9));
  CHECK(test.resolve("9.0.89.10.in-addr.arpa", dns::type_ptr) == "code 3");
  // Who shares a name is named first in turns.
  CHECK(test.resolve("www") != test.resolve("www"));
  test.network.leave(test.db);
  CHECK(test.resolve("db") == "forwarded");
  CHECK(test.resolve("www") == "10.89.0.2");
}

TEST_CASE("other names are asked for outside, if there is an outside") {
  TestNetwork test;
  CHECK(test.resolve("example.com") == "forwarded");
  CHECK(test.resolve("webb") == "forwarded");
  CHECK(test.resolve("web.front") == "forwarded");
  TestNetwork internal(false);
  CHECK(internal.resolve("web") == "10.89.0.2");
  CHECK(internal.resolve("example.com") == "code 3");
}

TEST_CASE("who has name servers of its own is sent to them") {
  TestNetwork test;
  const Address own = *test.network.join({"ffffff", "own", {}, 0, true});
  const auto out =
      test.send(own, udp_packet(own, 5000, gateway, 53, query("example.com", dns::type_a)));
  REQUIRE(out.size() == 1);
  CHECK(out[0].first == own);
  CHECK((out[0].second[14 + 20 + 8 + 3] & 15) == 5);
}

TEST_CASE("an internal network leads nowhere, and its gateway says so") {
  TestNetwork test(false);
  CHECK(test.send(test.web, tcp_packet(test.web, 4000, somewhere, 80)).empty());
  auto out = test.send(test.web, tcp_packet(test.web, 4000, gateway, 80));
  REQUIRE(out.size() == 1);
  CHECK(out[0].first == test.web);
  CHECK(out[0].second.substr(34, 2) == std::string("\3\3"));
  CHECK(sums_are_right(out[0].second));
  out = test.send(test.web, ping(test.web, gateway));
  REQUIRE(out.size() == 1);
  CHECK(out[0].second[34] == 0);
  CHECK(sums_are_right(out[0].second));
}

TEST_CASE("no frame is too short, cut or damaged to be taken") {
  TestNetwork test;
  for (const std::string& whole :
       {udp_packet(test.web, 5000, gateway, 53, query("web", dns::type_a)),
        tcp_packet(test.web, 1, somewhere, 2), ping(test.web, gateway)}) {
    const std::string sent = frame(mac_of(gateway), mac_of(test.web), ethernet_ipv4, whole);
    for (std::size_t size = 0; size < sent.size(); ++size) {
      test.send_frame(test.web, sent.substr(0, size));
      std::string arrived = sent.substr(0, size);
      test.network.from_outside(changeable(arrived));
    }
    for (std::size_t at = 12; at < sent.size(); ++at) {
      for (const int value : {0, 1, 127, 255}) {
        std::string changed = sent;
        changed[at] = static_cast<char>(value);
        test.send_frame(test.web, changed);
        test.network.from_outside(changeable(changed));
      }
    }
  }
}
