#include "../temporary_folder.hpp"

#include <cache/settings.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

using namespace slipway;

TEST_CASE("a setting is kept by the store until it is taken back") {
  const TemporaryFolder folder;
  {
    Store store(folder / "state");
    CHECK_FALSE(store.settings().get("cache.keep"));
    CHECK(store.settings().cache_keep() >= std::uint64_t{2} << 30);
    CHECK(store.settings().cache_keep_text() == "10% of the disk");
    store.settings().set("cache.keep", "40GB");
  }
  Store store(folder / "state");
  CHECK(store.settings().get("cache.keep") == "40GB");
  CHECK(store.settings().cache_keep() == std::uint64_t{40} << 30);
  CHECK(store.settings().cache_keep_text() == "40GB");
  CHECK(store.settings().unset("cache.keep"));
  CHECK_FALSE(store.settings().unset("cache.keep"));
  CHECK_FALSE(store.settings().get("cache.keep"));
}

TEST_CASE("what cannot be a size, and what is no setting, is refused") {
  const TemporaryFolder folder;
  Store store(folder / "state");
  for (const char* value : {"", "much", "-1", "101%", "%", "10 %"})
    CHECK_THROWS_AS(store.settings().set("cache.keep", value), Error);
  store.settings().set("cache.keep", "0");
  CHECK(store.settings().cache_keep() == 0);
  store.settings().set("cache.keep", "100%");
  CHECK(store.settings().cache_keep() > std::uint64_t{1} << 20);
  try {
    store.settings().set("cache.kep", "1GB");
    FAIL("an unknown setting was taken");
  } catch (const Error& error) {
    CHECK(error.diagnostics().front().hint.find("cache.keep") != std::string::npos);
  }
}
