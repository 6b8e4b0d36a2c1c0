// /etc/resolv.conf of a step, by the host's.
#include <executor/sandbox/network_files.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace slipway;

namespace {
std::string inside(const std::string& host) {
  return resolv_conf_inside(host, "10.0.2.3");
}
}  // namespace

TEST_CASE("an extra host that is the gateway has the address by which the step reaches its host") {
  RunProcess operation;
  operation.extra_hosts = {{"outside", "192.0.2.7"}, {"host.docker.internal", "host-gateway"}};
  const std::string text = hosts_file(operation, "10.9.8.7");
  CHECK(text.ends_with("\n192.0.2.7\toutside\n10.9.8.7\thost.docker.internal\n"));
}

TEST_CASE("name servers that a step reaches stay as they are, with all that is said of them") {
  const std::string text =
      "# by hand\nsearch a.example b.example\nnameserver 192.0.2.1\noptions ndots:2 rotate\n";
  CHECK(inside(text) == text);
}

TEST_CASE(
    "a name server of the host's loopback device is left out, or reached by another address") {
  CHECK(inside("nameserver 127.0.0.1\nnameserver 192.0.2.1\nnameserver ::1\n") ==
        "nameserver 192.0.2.1\n");
  CHECK(inside("nameserver 127.0.0.53\noptions edns0\n") == "options edns0\nnameserver 10.0.2.3\n");
  CHECK(inside("nameserver 127.0.0.53\nnameserver ::1\n") == "nameserver 10.0.2.3\n");
  CHECK(inside("nameserver 0.0.0.0\n") == "nameserver 10.0.2.3\n");
}

TEST_CASE("a name server with an IPv6 address is left out, since a step has no IPv6") {
  CHECK(inside("nameserver 2001:db8::1\nnameserver 192.0.2.1\n") == "nameserver 192.0.2.1\n");
  CHECK(inside("nameserver fe80::1%eth0\n") == "nameserver 10.0.2.3\n");
}

TEST_CASE("a host without a name server has one for its steps all the same") {
  CHECK(inside("") == "nameserver 10.0.2.3\n");
  CHECK(inside("search a.example") == "search a.example\nnameserver 10.0.2.3\n");
}
