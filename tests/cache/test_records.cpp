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
