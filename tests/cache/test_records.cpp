#include "store_fixture.hpp"
#include "temporary_folder.hpp"

#include <cache/database.hpp>
#include <cache/records.hpp>

#include <doctest/doctest.h>

using namespace slipway;

namespace {

struct TestRecords {
  TemporaryFolder folder;
  Database database{folder / "slipway.db"};
  RecordStore records{database};

  Record record(const KeyParts& parts, const LayerRef& layer) {
    return {cache_key(parts), parts, layer, 1700000000, 1'500'000'000, 1700000001,
            "[build 2/5] RUN make"};
  }
};

const KeyParts odd_parts = {{"operation", "RunProcess"},
                            {"", ""},
                            {std::string("zero\0label", 10), std::string(100000, 'v')},
                            {"bytes", "\xff\x80\x7f"}};

}  // namespace

TEST_CASE("a record is found as it was put, with all parts of its key") {
  TestRecords test;
  const LayerRef layer = add_layer(test.database, "layer");
  const Record record = test.record(odd_parts, layer);
  CHECK_FALSE(test.records.find(record.key));
  test.records.put(record);
  const auto found = test.records.find(record.key);
  REQUIRE(found);
  CHECK(found->key == record.key);
  CHECK(found->parts == odd_parts);
  CHECK(found->layer == layer);
  CHECK(found->created == record.created);
  CHECK(found->duration == record.duration);
  CHECK(found->last_used == record.last_used);
  CHECK(found->step == record.step);
}

TEST_CASE("a record replaces an older one of its key") {
  TestRecords test;
  Record record = test.record({{"a", "b"}}, add_layer(test.database, "old"));
  test.records.put(record);
  record.layer = add_layer(test.database, "new");
  test.records.put(record);
  CHECK(test.records.find(record.key)->layer == record.layer);
}

TEST_CASE("a record whose layer is gone is a miss, and stays one") {
  TestRecords test;
  const LayerRef layer = add_layer(test.database, "layer");
  const Record record = test.record({{"a", "b"}}, layer);
  test.records.put(record);
  remove_layer(test.database, layer);
  CHECK_FALSE(test.records.find(record.key));
  add_layer(test.database, "layer");
  CHECK_FALSE(test.records.find(record.key));
}

TEST_CASE("a record of damaged bytes is a miss") {
  TestRecords test;
  const Record record = test.record({{"a", "b"}}, add_layer(test.database, "layer"));
  test.records.put(record);
  for (const std::string& damaged : {std::string("\x05"), std::string("\x01"), std::string("\x01x"),
                                    std::string(12, '\xff')}) {
    Query(test.database, "UPDATE records SET parts = ?").bind_blob(damaged).run();
    CHECK_FALSE(test.records.find(record.key));
  }
}

TEST_CASE("using a record moves the time of its last use, of no other") {
  TestRecords test;
  const LayerRef layer = add_layer(test.database, "layer");
  const Record used = test.record({{"a", "used"}}, layer);
  const Record idle = test.record({{"a", "idle"}}, layer);
  test.records.put(used);
  test.records.put(idle);
  test.records.touch({used.key, cache_key({{"a", "never put"}})});
  CHECK(test.records.find(used.key)->last_used > used.last_used);
  CHECK(test.records.find(idle.key)->last_used == idle.last_used);
}

TEST_CASE("a place says what stood there last, even if its layer is gone") {
  TestRecords test;
  const LayerRef layer = add_layer(test.database, "layer");
  const Record before = test.record({{"a", "before"}}, layer);
  const Record after = test.record({{"a", "after"}}, layer);
  test.records.put(before);
  test.records.put(after);
  CHECK_FALSE(test.records.last_at("Dockerfile#2"));
  test.records.remember({{"Dockerfile#2", before.key}, {"Dockerfile#3", after.key}});
  CHECK(test.records.last_at("Dockerfile#2")->key == before.key);
  test.records.remember({{"Dockerfile#2", after.key}});
  CHECK(test.records.last_at("Dockerfile#2")->key == after.key);
  remove_layer(test.database, layer);
  CHECK(test.records.last_at("Dockerfile#3")->parts == after.parts);
}

TEST_CASE("a record's lists of files are replaced and dropped with it") {
  TestRecords test;
  const LayerRef layer = add_layer(test.database, "layer");
  const Record record = test.record({{"files", "digest"}}, layer);
  const std::string list("odd\0bytes\xff", 10);
  test.records.put(record, {{"files", list}, {"mount[/src].files", "other"}});
  CHECK(test.records.files(record.key, "files") == list);
  CHECK(test.records.files(record.key, "mount[/src].files") == "other");
  CHECK(test.records.files(record.key, "archives[0]") == "");

  test.records.put(record, {{"files", "newer"}});
  CHECK(test.records.files(record.key, "files") == "newer");
  CHECK(test.records.files(record.key, "mount[/src].files") == "");

  Query(test.database, "DELETE FROM layers").run();
  CHECK_FALSE(test.records.find(record.key));
  CHECK(test.records.files(record.key, "files") == "");
  Query left(test.database, "SELECT 1 FROM record_files");
  CHECK_FALSE(left.step());
}

TEST_CASE("the places below a prefix are those and no others") {
  TestRecords test;
  const Record record = test.record({{"a", "b"}}, add_layer(test.database, "layer"));
  test.records.put(record);
  test.records.remember({{"p%\nbuild\n0", record.key},
                         {"p%\nbuild\n1", record.key},
                         {"p%\nbuild2\n0", record.key},
                         {"px\nbuild\n0", record.key},
                         {"p%\nbuild\n2", cache_key({{"no", "record"}})}});
  std::vector<std::string> places;
  for (const auto& step : test.records.steps_below("p%\nbuild\n")) {
    places.push_back(step.place);
    CHECK(step.step == record.step);
  }
  CHECK(places == std::vector<std::string>{"p%\nbuild\n0", "p%\nbuild\n1"});
}

TEST_CASE("an evicted key says when and by what rule until it has a record again") {
  TestRecords test;
  const LayerRef layer = add_layer(test.database, "layer");
  const Record kept = test.record({{"a", "b"}}, layer);
  const Record evicted = test.record({{"c", "d"}}, layer);
  CHECK_FALSE(test.records.eviction(evicted.key));

  test.records.evicted({evicted.key}, "prune (until=24h)");
  const auto eviction = test.records.eviction(evicted.key);
  REQUIRE(eviction);
  CHECK(eviction->rule == "prune (until=24h)");
  CHECK(eviction->at > 1700000000);
  CHECK_FALSE(test.records.eviction(kept.key));

  test.records.put(evicted);
  CHECK_FALSE(test.records.eviction(evicted.key));
}

TEST_CASE("who only looks at a record drops none") {
  TestRecords test;
  const LayerRef layer = add_layer(test.database, "layer");
  const Record record = test.record({{"a", "b"}}, layer);
  CHECK_FALSE(test.records.peek(record.key));
  test.records.put(record);
  Query(test.database, "DELETE FROM layers").run();
  REQUIRE(test.records.peek(record.key));
  CHECK(test.records.peek(record.key)->parts == record.parts);
  CHECK_FALSE(test.records.find(record.key));
  CHECK_FALSE(test.records.peek(record.key));
}
