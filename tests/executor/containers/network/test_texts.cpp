// Addresses, ports and resolv.conf of containers' networks: what is read and written as text.
#include <executor/containers/network/host_ports.hpp>
#include <executor/containers/network/messages.hpp>
#include <executor/containers/network/published_ports.hpp>
#include <executor/containers/network/resolver.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

using namespace slipway;

TEST_CASE("addresses and ranges are read exactly") {
  CHECK(address_text(*parse_address("10.89.0.1")) == "10.89.0.1");
  for (const char* text : {"", "10.89.0", "10.89.0.1.2", "10.89.0.256", "10.89.0.01", "10.89.0.",
                           ".10.89.0", "10.89.0.1 ", "a.b.c.d", "-1.0.0.0"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_address(text));
  }
  CHECK(range_text(*parse_range("10.89.0.0/24")) == "10.89.0.0/24");
  for (const char* text : {"10.89.0.0", "10.89.0.1/24", "10.89.0.0/33", "10.89.0.0/", "/24"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_range(text));
  }
  CHECK(parse_range("0.0.0.0/0")->holds(*parse_address("255.1.2.3")));
}

TEST_CASE("a new network's range overlaps no other") {
  const auto free = [](const std::vector<const char*>& taken) {
    std::vector<AddressRange> ranges;
    for (const char* text : taken) ranges.push_back(*parse_range(text));
    const auto range = free_range(ranges);
    return range ? range_text(*range) : "none";
  };
  CHECK(free({}) == "10.89.0.0/24");
  CHECK(free({"10.89.0.0/24", "10.89.1.128/25"}) == "10.89.2.0/24");
  CHECK(free({"10.0.0.0/8"}) == "172.29.0.0/24");
  CHECK(free({"10.0.0.0/8", "172.16.0.0/12"}) == "192.168.0.0/24");
  CHECK(free({"0.0.0.0/0"}) == "none");
}

TEST_CASE("the smallest ranges have an end") {
  CHECK_FALSE(free_address({0x0A000000, 32}, 0, {}));
  CHECK_FALSE(free_address({0x0A000000, 31}, 0, {}));
  CHECK(free_address({0x0A000000, 30}, 0, {}) == 0x0A000001U);
  CHECK_FALSE(free_address({0x0A000000, 30}, 0, {0x0A000001, 0x0A000002}));
  CHECK(free_address({0x0A000000, 29}, 0x0A000006, {}) == 0x0A000001U);
}

TEST_CASE("what slirp4netns answers is a number, or a reason") {
  CHECK(parse_api_reply(R"({"return":{"id":42}})").number == 42);
  CHECK(parse_api_reply(R"({"return":{}})").error.empty());
  CHECK(parse_api_reply(R"({"error":{"desc":"bad request: no"}})").error == "bad request: no");
  for (const char* text : {"", "{", "null", R"({"id":1})", R"({"error":{"desc":}})", R"("desc")"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_api_reply(text).error.empty());
  }
}

TEST_CASE("a request to join is read as it was written") {
  JoinRequest request;
  request.member = {"abc", "web", {"www", "w"}, 0x0A590002, true};
  request.ports = {{"0.0.0.0", 8080, 80, "tcp"}, {"127.0.0.1", 53, 53, "udp"}};
  const auto read = parse_join(write_join(request));
  REQUIRE(read);
  CHECK(read->member.id == "abc");
  CHECK(read->member.name == "web");
  CHECK(read->member.aliases == request.member.aliases);
  CHECK(read->member.address == request.member.address);
  CHECK(read->member.own_name_servers);
  CHECK(read->ports == request.ports);
  for (const char* text :
       {"", "join", "join\nid a\n", "join\nid a\nname b\nport 1.2.3.4 0 80 tcp\n",
        "join\nid a\nname b\nport 1.2.3.4 80 99999 tcp\n", "join\nid a\nname b\nport x 1 1 tcp\n",
        "join\nid a\nname b\nport 1.2.3.4 1 1 sctp\n", "join\nid a\nname b\nnonsense\n"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_join(text));
  }
  const auto members = parse_members("members\n" + write_members({request.member}));
  REQUIRE(members.size() == 1);
  CHECK(members[0].name == "web");
}

TEST_CASE("a container's name servers come in place of the machine's") {
  const std::string host = "# made by hand\nsearch corp.example\nnameserver 192.0.2.1\n";
  ContainerConfig config;
  CHECK(container_resolv_conf(host, config, {"10.89.0.1"}) ==
        "search corp.example\nnameserver 10.89.0.1\n");
  config.dns = {"192.0.2.9"};
  config.dns_search = {"a.example", "b.example"};
  config.dns_options = {"timeout:1"};
  CHECK(container_resolv_conf(host, config, {}) ==
        "nameserver 192.0.2.9\nsearch a.example b.example\noptions timeout:1\n");
  config.dns_search = {"."};
  CHECK(container_resolv_conf(host, config, {}) == "nameserver 192.0.2.9\noptions timeout:1\n");
  config.dns_search = {"a\nnameserver 1.2.3.4"};
  CHECK_THROWS_AS(container_resolv_conf(host, config, {}), Error);
  config.dns = {"one"};
  CHECK_THROWS_AS(container_resolv_conf(host, config, {}), Error);
  CHECK(name_servers(host) == std::vector<std::string>{"192.0.2.1"});
}

TEST_CASE("ports are chosen that nobody has") {
  ContainerConfig config;
  config.ports = {{"127.0.0.1", 0, 80, "tcp"}, {"", 0, 53, "udp"}};
  config.publish_all = true;
  config.exposed_ports = {"80/tcp", "81/tcp", "nonsense"};
  const auto ports = choose_host_ports(config);
  REQUIRE(ports.size() == 3);
  for (const PortMapping& port : ports) CHECK(port.host_port != 0);
  CHECK(ports[1].host_address == "0.0.0.0");
  CHECK(ports[2].port == 81);
  // Twice the same port.
  config.ports = {ports[0], ports[0]};
  const std::string place = "127.0.0.1:" + std::to_string(ports[0].host_port);
  CHECK_THROWS_WITH_AS(choose_host_ports(config),
                       ("Bind for " + place + " failed: port is already allocated").c_str(), Error);
  config.ports = {{"::1", 0, 80, "tcp"}};
  CHECK_THROWS_AS(choose_host_ports(config), Error);
  config.ports = {{"", 0, 80, "sctp"}};
  CHECK_THROWS_AS(choose_host_ports(config), Error);
}
