#include <cache/containers/names.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace slipway;

TEST_CASE("a name is docker's") {
  for (const char* name : {"ab", "a.b", "0_", "Web-1", "a__"}) {
    CAPTURE(name);
    CHECK(is_container_name(name));
  }
  for (const char* name : {"", "a", "-ab", ".ab", "_ab", "a/b", "a b", "..", "a\n", "ä1"}) {
    CAPTURE(name);
    CHECK_FALSE(is_container_name(name));
  }
  CHECK_FALSE(is_container_name(std::string_view("a\0b", 3)));
  CHECK_NOTHROW(require_container_name(std::string(255, 'a')));
  CHECK_THROWS_AS(require_container_name(std::string(256, 'a')), Error);
}

TEST_CASE("IDs are long, random, and no numbers in their short form") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = random_id();
    REQUIRE(id.size() == 64);
    REQUIRE(id.find_first_not_of("0123456789abcdef") == id.npos);
    REQUIRE(id.substr(0, 12).find_first_not_of("0123456789") != id.npos);
    seen.insert(id);
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("invented names are names, and do not run out") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = invented_name(i < 500 ? 0 : 3);
    REQUIRE(is_container_name(name));
    REQUIRE(name.find('_') != name.npos);
    seen.insert(name);
  }
  CHECK(seen.size() > 700);
}
