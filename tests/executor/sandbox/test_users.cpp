#include <executor/sandbox/users.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

using namespace slipway;

namespace {

constexpr const char* passwd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "# a comment\n"
    "broken line\n"
    "nobody:x:many:1::/:/bin/false\n"
    "builder:x:1000:1001::/home/builder:/bin/sh\n"
    "42:x:5:6::/named-by-digits:/bin/sh\n"
    "last:x:77:78::/last";
constexpr const char* group =
    "root:x:0:\nbuilder:x:1001:\nwheel:x:10:root,builder\naudio:x:29:builder\n7:x:70:\n";

struct Found {
  std::uint32_t uid;
  std::uint32_t gid;
  std::vector<std::uint32_t> groups;
  std::string home;
  bool operator==(const Found&) const = default;
};

Found found(const std::string& user) {
  const RunUser who = find_user(user, passwd, group);
  return {who.uid, who.gid, who.groups, who.home};
}

}  // namespace

TEST_CASE("a user is who passwd says, with the groups that group gives") {
  CHECK(found("") == Found{0, 0, {0, 10}, "/root"});
  CHECK(found("root") == Found{0, 0, {0, 10}, "/root"});
  CHECK(found("builder") == Found{1000, 1001, {1001, 10, 29}, "/home/builder"});
  CHECK(found("1000") == Found{1000, 1001, {1001, 10, 29}, "/home/builder"});
  CHECK(found("last") == Found{77, 78, {78}, "/last"});
}

TEST_CASE("an explicit group takes the place of all others") {
  CHECK(found("builder:wheel") == Found{1000, 10, {10}, "/home/builder"});
  CHECK(found("builder:5") == Found{1000, 5, {5}, "/home/builder"});
  CHECK(found("123:456") == Found{123, 456, {456}, "/"});
}

TEST_CASE("digits are a number, never a name") {
  CHECK(found("42") == Found{42, 0, {0}, "/"});
  CHECK(found("1:7") == Found{1, 7, {7}, "/"});
}

TEST_CASE("an image without passwd has a root and numbers") {
  CHECK(find_user("", "", "").uid == 0);
  CHECK(find_user("root", "", "").uid == 0);
  CHECK(find_user("5", "", "").gid == 0);
}

TEST_CASE("who is not known is an error, and so is a number that would mean something else") {
  CHECK_THROWS_WITH_AS(found("someone"), "user \"someone\" is not in the image's /etc/passwd",
                       Error);
  CHECK_THROWS_WITH_AS(found("builder:nogroup"),
                       "group \"nogroup\" is not in the image's /etc/group", Error);
  CHECK_THROWS_AS(found("4294967295"), Error);
  CHECK_THROWS_AS(found("0:4294967295"), Error);
  CHECK_THROWS_AS(found("99999999999999999999"), Error);
  CHECK_THROWS_AS(found("nobody"), Error);  // its line is malformed
  CHECK_THROWS_AS(found("-1"), Error);
}

TEST_CASE("a million lines are read, a file without an end is cut into lines") {
  std::string large;
  for (int i = 0; i < 1000000; ++i) large += "u" + std::to_string(i) + ":x:1:1::/:\n";
  large += "needle:x:9:9::/needle:";
  CHECK(find_user("needle", large, "").uid == 9);
  CHECK(find_user("root", std::string(1 << 20, ':'), std::string(1 << 20, ',')).uid == 0);
}
