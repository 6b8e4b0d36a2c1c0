// What a spec may say, and what is said about one that cannot be used.
#include "same_maps.hpp"

using namespace slipway;

namespace {

std::string failure(const std::string& type, const std::map<std::string, std::string>& attributes,
                    bool write = false) {
  return failure_of([&] { open_transport(cache_spec(type, attributes), write, {}); });
}

}  // namespace

TEST_CASE("a type that is not known has a nearest one") {
  CHECK(failure("locla", {}) == "there is no cache of type \"locla\"\ndid you mean \"local\"?");
  CHECK(failure("", {{"dest", "x"}}).starts_with("a cache needs a type\nsuch as "));
}

TEST_CASE("an attribute that is not known has a nearest one, one that is missing an example") {
  CHECK(failure("local", {{"dst", "x"}}, true) ==
        "a cache of type \"local\" has no attribute \"dst\"\ndid you mean \"dest\"?");
  CHECK(failure("local", {}) ==
        "a cache of type \"local\" needs the attribute \"src\"\ntype=local,src=DIRECTORY");
}

TEST_CASE("buildx's attributes that say what is done anyway are known") {
  CHECK(failure("local", {{"src", "x"}, {"mode", "max"}, {"ignore-error", "true"}}) == "no error");
  CHECK(failure("local", {{"src", "x"}, {"mode", "min"}}) ==
        "a cache of type \"local\" cannot have \"mode=min\"\n"
        "every step's result is shared, as with mode=max: leave it out");
}
