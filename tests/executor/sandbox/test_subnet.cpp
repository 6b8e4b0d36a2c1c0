// What a machine's routes allow the steps' own networks.
#include <executor/sandbox/network/subnet.hpp>

#include <doctest/doctest.h>

#include <sstream>
#include <string>

using namespace slipway;

namespace {

const std::string ipv4_head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n";
const std::string ipv4_near = "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
const std::string ipv4_out = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";

const std::string nobody(32, '0');
// As the kernel writes them: everything, by a router or, refused, by the loopback device.
const std::string ipv6_out = nobody + " 00 " + nobody +
                             " 00 fd000000000000000000000000000001 00000400 00000002 00000000 "
                             "00000003     eth0\n";
const std::string ipv6_refused =
    nobody + " 00 " + nobody + " 00 " + nobody + " ffffffff 00000001 00000000 00200200       lo\n";
const std::string ipv6_near = "fe800000000000000000000000000000 40 " + nobody + " 00 " + nobody +
                              " 00000100 00000002 00000000 00000001     eth0\n";

bool by_ipv6_alone(const std::string& ipv4, const std::string& ipv6) {
  std::istringstream ipv4_routes(ipv4);
  std::istringstream ipv6_routes(ipv6);
  return leads_out_by_ipv6_alone(ipv4_routes, ipv6_routes);
}

}  // namespace

TEST_CASE("a machine that leads out by IPv6 alone is told from others") {
  CHECK(by_ipv6_alone(ipv4_head, ipv6_near + ipv6_out + ipv6_refused));
  CHECK(by_ipv6_alone("", ipv6_out));
  // An address of a bridge on the machine is no way out.
  CHECK(by_ipv6_alone(ipv4_head + ipv4_near, ipv6_out));
  CHECK_FALSE(by_ipv6_alone(ipv4_head + ipv4_near + ipv4_out, ipv6_out));
  CHECK_FALSE(by_ipv6_alone(ipv4_head + ipv4_out, ipv6_near + ipv6_refused));
  CHECK_FALSE(by_ipv6_alone(ipv4_head, ipv6_near + ipv6_refused));
  CHECK_FALSE(by_ipv6_alone("", ""));
}
