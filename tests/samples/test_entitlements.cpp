// Steps that ask for more than the sandbox, with and without --allow.
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace slipway;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a build that asks for what was not granted runs nothing of it") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN echo would be harmless\n"
                 "RUN --security=insecure mkdir /mnt && mount -t tmpfs none /mnt\n"
                 "RUN --network=host cat /proc/net/dev\n");
  const Built refused = workshop.build();
  CHECK(refused.status == 1);
  CHECK(has(refused.log, "Dockerfile:3:16: error: RUN --security=insecure is not allowed"));
  CHECK(has(refused.log, "Dockerfile:4:15: error: RUN --network=host is not allowed"));
  CHECK_FALSE(has(refused.log, "would be harmless\n#"));
  CHECK_FALSE(has(refused.log, "] RUN"));

  const Built granted = workshop.build({"--allow=security.insecure", "--allow=network.host"});
  CHECK(granted.status == 0);
  CHECK(granted.misses == 3);
  // A grant is no part of a key; asking is.
  CHECK(workshop.build({"--allow=security.insecure", "--network=host"}).status == 0);
  CHECK(workshop.build({"--network=host"}).status == 1);
}

TEST_CASE("a result that an insecure step left in the cache is not given without the grant") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nRUN --security=insecure echo made > /made\n");
  REQUIRE(workshop.build({"--allow=security.insecure"}).status == 0);
  CHECK(workshop.build({"--allow=security.insecure"}).hits == 1);
  CHECK(workshop.build().status == 1);
}
