#include <executor/files/plan_items.hpp>

#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace slipway;

namespace {

PlanItem item(const std::string& path, const std::string& source) {
  PlanItem made;
  made.entry.path = path;
  made.entry.mode = 0640;
  made.entry.size = path.size();
  made.entry.mtime = static_cast<std::int64_t>(path.size()) - 5;
  made.entry.xattrs = {{"user.name", path}};
  made.input = source.size() % 3;
  made.source = source;
  return made;
}

std::string number(int n) {
  const std::string digits = std::to_string(n);
  return std::string(6 - digits.size(), '0') + digits;
}

bool equal(const PlanItem& one, const PlanItem& other) {
  return one.entry == other.entry && one.input == other.input && one.source == other.source &&
         one.bytes == other.bytes;
}

}  // namespace

TEST_CASE("packed items come back as they were, however many there are") {
  std::vector<PlanItem> all;
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "f" + number(i);
    // The end of the path, something else, and nothing.
    const std::string source = i % 3 == 0 ? name : i % 3 == 1 ? "elsewhere/" + name + "x" : "";
    all.push_back(item("dir/" + name, source));
    if (i % 500 == 2) all.back().bytes = "text of " + name;
  }
  PlanItems items;
  for (const PlanItem& one : all) items.push_back(one);
  REQUIRE(items.size() == all.size());
  std::size_t same = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    same += equal(items[i], all[i]) && items.path(i) == all[i].entry.path &&
                    items.source(i) == all[i].source && items.type(i) == all[i].entry.type &&
                    items.mtime(i) == all[i].entry.mtime &&
                    items.has_bytes(i) == all[i].bytes.has_value() &&
                    items.find(all[i].entry.path) == i
                ? 1
                : 0;
  }
  CHECK(same == all.size());
  CHECK_FALSE(items.find(""));
  CHECK_FALSE(items.find("dir"));
  CHECK_FALSE(items.find("dir/f001023x"));
  CHECK_FALSE(items.find("e"));
  CHECK_THROWS_AS(items.at(all.size()), Error);

  SUBCASE("a copy is one of its own") {
    PlanItems copy = items;
    copy.set_content(1500, sha256("x"));
    CHECK(copy.entry(1500).content == sha256("x"));
    CHECK(items.entry(1500).content == Digest{});
    CHECK(copy.entry(1501) == all[1501].entry);
  }
  SUBCASE("drained, each comes once") {
    PlanItems::Drain drain(std::move(items));
    std::size_t drained = 0;
    while (drain.peek() != nullptr) {
      if (drained % 2 == 0) CHECK(drain.peek()->entry.path == all[drained].entry.path);
      if (!equal(drain.take(), all[drained])) break;
      ++drained;
    }
    CHECK(drained == all.size());
  }
}

TEST_CASE("items are in path order or refused") {
  PlanItems items;
  CHECK(items.empty());
  CHECK(items.is_behind(""));
  items.push_back(item("a", ""));
  items.push_back(item("a/b", ""));
  items.push_back(item("a.c", ""));  // '/' sorts before '.'
  CHECK_FALSE(items.is_behind("a/c"));
  CHECK_FALSE(items.is_behind("a.c"));
  CHECK(items.is_behind("b"));
  CHECK_THROWS_AS(items.push_back(item("a/z", "")), Error);
  CHECK(items.size() == 3);
}
