#include <cache/room/policy.hpp>

#include <doctest/doctest.h>

using namespace slipway;

namespace {

constexpr std::int64_t now = 1'700'000'000;
constexpr std::int64_t day = 24 * 60 * 60;
constexpr std::int64_t second = 1'000'000'000;
constexpr std::uint64_t megabyte = 1'000'000;

RoomItem step(const std::string& id, std::uint64_t bytes, std::int64_t seconds,
              std::int64_t days_idle = 0, std::int64_t uses = 0) {
  RoomItem item;
  item.id = id;
  item.bytes = bytes;
  item.cost = seconds * second;
  item.last_used = now - days_idle * day;
  item.uses = uses;
  return item;
}

RoomItem useless(RoomItem item) {
  item.useless = true;
  return item;
}

std::string order(const std::vector<RoomItem>& items, const PruneRule& rule) {
  std::string ids;
  for (const std::size_t position : order_of_removal(items, rule, now))
    ids += (ids.empty() ? "" : " ") + items[position].id;
  return ids;
}

std::string removed(const std::vector<RoomItem>& items, const PruneRule& rule,
                    const std::string& in_use = "none") {
  std::string ids;
  for (const std::size_t position :
       remove_by_rule(items, rule, now, [&](const RoomItem& item) { return item.id != in_use; }))
    ids += (ids.empty() ? "" : " ") + items[position].id;
  return ids;
}

PruneRule keeping(std::uint64_t bytes) {
  PruneRule rule;
  rule.keep = bytes;
  return rule;
}

PruneRule everything() {
  PruneRule rule;
  rule.all = true;
  return rule;
}

}  // namespace

TEST_CASE("what is large and soon made goes before what is small and took long") {
  CHECK(order({step("compiler", 10 * megabyte, 3600), step("copy", 1000 * megabyte, 1),
               step("install", 300 * megabyte, 60)},
              everything()) == "copy install compiler");
}

TEST_CASE("of two alike the one that was not used for longer goes first") {
  CHECK(order({step("today", megabyte, 10), step("last week", megabyte, 10, 7),
               step("yesterday", megabyte, 10, 1)},
              everything()) == "last week yesterday today");
}

TEST_CASE("use counts, but a rich past does not keep a thing for ever") {
  CHECK(order({step("often", megabyte, 10, 1, 30), step("once", megabyte, 10, 1, 1)},
              everything()) == "once often");
  CHECK(order({step("once famous", megabyte, 10, 60, 1000), step("new", megabyte, 10)},
              everything()) == "once famous new");
  // An hour's work is worth a week's disuse of any minute's.
  CHECK(order({step("hour", megabyte, 3600, 14), step("minute", megabyte, 60)}, everything()) ==
        "minute hour");
}

TEST_CASE("what took no time and weighs nothing has a worth, too") {
  CHECK(worth(step("empty", 0, 0), now) > 0);
  CHECK(worth(step("huge", std::uint64_t{1} << 50, 0, 3650), now) >= 0);
  CHECK(worth(step("from the future", 1, 1, -30), now) <= worth(step("now", 1, 1), now));
  CHECK(worth(useless(step("useless", 0, 3600)), now) == 0);
}

TEST_CASE("equal worth is broken by last use, then by id: the order is always the same") {
  const RoomItem b = useless(step("b", 1, 1, 3));
  const RoomItem a = useless(step("a", 2, 9, 3));
  const RoomItem old = useless(step("old", 5, 5, 9));
  CHECK(order({b, a, old}, {}) == "old a b");
  CHECK(order({old, a, b}, {}) == "old a b");
}

TEST_CASE("a rule that names nothing is about what is useless") {
  const std::vector<RoomItem> items = {step("used", megabyte, 1),
                                       useless(step("rest", megabyte, 1))};
  CHECK(removed(items, {}) == "rest");
  CHECK(removed(items, everything()) == "rest used");
}

TEST_CASE("with a size to keep no more goes than that takes") {
  const std::vector<RoomItem> items = {step("dear", 10 * megabyte, 3600),
                                       step("cheap", 10 * megabyte, 1),
                                       step("cheaper", 10 * megabyte, 0)};
  CHECK(removed(items, keeping(30 * megabyte)).empty());
  CHECK(removed(items, keeping(29 * megabyte)) == "cheaper");
  CHECK(removed(items, keeping(15 * megabyte)) == "cheaper cheap");
  CHECK(removed(items, keeping(0)) == "cheaper cheap dear");
}

TEST_CASE("in place of what is in use the next one goes") {
  const std::vector<RoomItem> items = {step("dear", 10 * megabyte, 3600),
                                       step("cheap", 10 * megabyte, 1),
                                       step("cheaper", 10 * megabyte, 0)};
  CHECK(removed(items, keeping(20 * megabyte), "cheaper") == "cheap");
  CHECK(removed(items, keeping(0), "cheaper") == "cheap dear");
}

TEST_CASE("what is useless goes though there is room") {
  CHECK(removed({step("used", megabyte, 1), useless(step("rest", megabyte, 1))},
                keeping(1000 * megabyte)) == "rest");
}

TEST_CASE("filters narrow: by time, kind and id") {
  RoomItem mount = step("ffee", megabyte, 0, 2);
  mount.kind = RoomItem::Kind::cache_mount;
  RoomItem renamed = step("aaaa", megabyte, 0, 2);
  renamed.records = {CacheKey{sha256("older key")}, CacheKey{sha256("newer key")}};
  const std::vector<RoomItem> items = {mount, renamed, step("bbbb", megabyte, 0)};
  PruneRule rule;
  rule.unused_since = now - day;
  CHECK(order(items, rule) == "aaaa ffee");
  rule.kinds = {RoomItem::Kind::cache_mount};
  CHECK(order(items, rule) == "ffee");
  rule = {};
  rule.ids = {"bb", "ff"};
  CHECK(order(items, rule) == "ffee bbbb");
  rule.ids = {sha256("older key").hex().substr(0, 12)};
  CHECK(order(items, rule) == "aaaa");
  rule.ids = {"c"};
  CHECK(order(items, rule).empty());
}
