#include <ir/nearest.hpp>

#include <doctest/doctest.h>

namespace slipway::testing {

TEST_CASE("the nearest name is a few edits away") {
  const std::vector<std::string> stages = {"build", "builder", "test"};
  CHECK(nearest("biulder", stages) == "builder");  // two neighbours swapped
  CHECK(nearest("bulder", stages) == "builder");   // a letter less
  CHECK(nearest("builderr", stages) == "builder");
  CHECK(nearest("huilder", stages) == "builder");
  CHECK(nearest("BUILD", stages) == "build");
  CHECK(nearest("tets", stages) == "test");
  CHECK(nearest("release", stages) == "");
}

TEST_CASE("a short word bears fewer edits than a long one") {
  CHECK(nearest("x", {"y"}) == "");
  CHECK(nearest("ab", {"c", ""}) == "");
  CHECK(nearest("ro", {"rw"}) == "rw");
  CHECK(nearest("abcd", {"abxy"}) == "");
  CHECK(nearest("abcdef", {"abxyef"}) == "abxyef");
  CHECK(nearest("healthchekc", {"healthcheck"}) == "healthcheck");
  CHECK(nearest("helthchkc", {"healthcheck"}) == "healthcheck");
}

TEST_CASE("of several that are as near, one with the same first letter, else the first") {
  CHECK(nearest("bat", {"cat", "bad"}) == "bad");
  CHECK(nearest("bat", {"cat", "hat"}) == "cat");
  CHECK(nearest("bats", {"cat", "bat"}) == "bat");
}

TEST_CASE("a beginning is completed where there is one way to do it") {
  CHECK(nearest("dest", {"destination", "source"}) == "destination");
  CHECK(nearest("plat", {"platform", "platforms"}) == "");
  CHECK(nearest("de", {"destination"}) == "");
}

TEST_CASE("what is very long is near to nothing, and costs nothing") {
  const std::string a(1 << 20, 'a');
  CHECK(nearest(a, {a + "b"}) == "");
  CHECK(nearest("aaaa", std::vector<std::string>(1000, a)) == "");
  CHECK(nearest("", {"a", ""}) == "");
}

TEST_CASE("a hint names what is near, or what else helps") {
  CHECK(did_you_mean("cahce", {"bind", "cache"}) == "did you mean \"cache\"?");
  CHECK(did_you_mean("form", {"from"}, "see --help", "--") == "did you mean \"--from\"?");
  CHECK(did_you_mean("xyz", {"from"}, "see --help") == "see --help");
}

}  // namespace slipway::testing
