// The ranges of /etc/subuid; the namespace itself is what the tests named ..._rootless run in.
#include <executor/user_namespace.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace slipway;

TEST_CASE("a user's ranges are found by name and by number, one behind the other") {
  const std::string file =
      "root:1:10\n"
      "builder:100000:65536\n"
      "1000:300000:1000\n"
      "other:500000:1\n"
      "builder:700000:5";
  const std::vector<IdRange> both = {{0, 100000, 65536}, {65536, 300000, 1000}, {66536, 700000, 5}};
  CHECK(subordinate_ids(file, "builder", 1000) == both);
  CHECK(subordinate_ids(file, "", 1000) == std::vector<IdRange>{{0, 300000, 1000}});
  CHECK(subordinate_ids(file, "nobody", 7).empty());
  CHECK(subordinate_ids("", "builder", 1000).empty());
}

TEST_CASE("what is no line of such a file gives nobody an id") {
  for (const char* line :
       {"builder", "builder:", "builder:1", "builder:1:", "builder::1", "builder:1:0",
        "builder:-1:5", "builder:1:5x", "builder:4294967295:2", "builder:1:4294967296",
        "builder:99999999999:1", ":1:5", "builder:1:2:3", "#builder:1:5", "\n\n", "::::"}) {
    CAPTURE(line);
    CHECK(subordinate_ids(line, "builder", 1000).empty());
  }
  // A line that is none does not hide the next.
  CHECK(subordinate_ids("builder:x:1\nbuilder:5:6\n", "builder", 1000) ==
        std::vector<IdRange>{{0, 5, 6}});
}

TEST_CASE("the ranges of one user never add up to more ids than there are") {
  std::string file;
  for (int i = 0; i < 10; ++i) file += "builder:1:1000000000\n";
  std::uint64_t sum = 0;
  for (const IdRange& range : subordinate_ids(file, "builder", 1)) sum += range.count;
  CHECK(sum == 4000000000);
}
