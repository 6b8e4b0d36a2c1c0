// Two machines that share a cache in memory, which does as it should.
#include "fake_cache.hpp"

#include <cache/layers/index.hpp>

#include <cache/shared/record_document.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using namespace slipway;

namespace {

using Calls = std::vector<std::string>;

// Takes a shared layer into the machine's store, as a build does.
bool take_layer(Machine& machine, SharedCaches& caches, const SharedRecord& shared) {
  return caches.read_blob(shared.tar, [&](ByteSource& tar) {
    machine.store().layers().extract(tar, shared.record.layer.diff_id, false);
  });
}

void upload(Machine& machine, FakeServer& server, const std::vector<Record>& records) {
  const auto caches = machine.share({}, {&server});
  for (const Record& record : records) caches->offer(record, {});
  caches->finish({});
  CHECK(machine.said() == "");
}

}  // namespace

TEST_CASE("what one machine offers another finds, with its layer") {
  FakeServer server("server");
  Machine maker, user;
  const Record record = maker.run("make", std::string(100'000, 'x'));
  {
    const auto caches = maker.share({}, {&server});
    CHECK(caches->writes());
    CHECK_FALSE(caches->reads());
    caches->offer(record, {{"files", "a list"}});
    caches->finish({});
    CHECK(caches->figures().records_sent == 1);
    CHECK(caches->figures().records_waiting == 0);
    CHECK(caches->figures().bytes_sent > 500);
  }
  CHECK(maker.said() == "");
  CHECK(maker.unfinished() == 0);

  const auto caches = user.share({&server}, {});
  CHECK(caches->reads());
  CHECK_FALSE(caches->find(cache_key({{"never", "made"}})));
  const auto shared = caches->find(record.key);
  REQUIRE(shared);
  CHECK(shared->record.key == record.key);
  CHECK(shared->record.parts == record.parts);
  CHECK(shared->record.layer == record.layer);
  CHECK(shared->record.created == record.created);
  CHECK(shared->record.ran == record.ran);
  CHECK(shared->record.duration == record.duration);
  CHECK(shared->record.step == record.step);
  REQUIRE(shared->files.size() == 1);
  CHECK(shared->files[0].list == "a list");

  REQUIRE(take_layer(user, *caches, *shared));
  CHECK(user.store().layers().find(record.layer.diff_id) == record.layer);
  const auto index = caches->read_index(*shared);
  REQUIRE(index);
  CHECK(index->layer() == record.layer);
  CHECK(index->find("file"));
  CHECK(caches->figures().records_found == 1);
  CHECK(caches->figures().bytes_received > 500);
  CHECK(user.said() == "");
}

TEST_CASE("caches are asked in order, and the first that has a record gives it") {
  FakeServer empty("empty"), first("first"), second("second");
  Machine maker, user;
  const Record record = maker.run("make", "content");
  upload(maker, first, {record});
  upload(maker, second, {record});
  first.forget_calls();
  second.forget_calls();
  const auto caches = user.share({&empty, &first, &second}, {});
  const auto shared = caches->find(record.key);
  REQUIRE(shared);
  CHECK(bytes_from(*caches, shared->tar));
  CHECK(empty.calls() == Calls{"record", "blob"});
  CHECK(first.calls() == Calls{"record", "blob"});
  CHECK(second.calls() == Calls{});
  CHECK(user.said() == "");
}

TEST_CASE("what a cache has is not sent again") {
  FakeServer server("server");
  Machine maker, other;
  const Record record = maker.run("make", "content");
  upload(maker, server, {record});
  CHECK(server.calls() ==
        Calls{"record", "has_blob", "put_blob", "has_blob", "put_blob", "put_record"});
  server.forget_calls();

  SUBCASE("by the same machine in its next build") {
    upload(maker, server, {record});
    CHECK(server.calls() == Calls{"record", "has_blob", "has_blob"});
  }
  SUBCASE("by another that made the same") {
    const Record same = other.run("make", "content");
    CHECK(same.key == record.key);
    const auto caches = other.share({}, {&server});
    caches->offer(same, {});
    caches->finish({});
    CHECK(caches->figures().records_there == 1);
    CHECK(caches->figures().records_sent == 0);
    CHECK(server.calls() == Calls{"record", "has_blob", "has_blob"});
  }
  SUBCASE("and nothing is asked where the build has found it") {
    const auto caches = other.share({&server}, {&server});
    const auto shared = caches->find(record.key);
    REQUIRE(shared);
    caches->offer(*shared);
    caches->finish({});
    CHECK(caches->figures().records_there == 1);
    CHECK(server.calls() == Calls{"record"});
  }
  SUBCASE("a record that was missed is not asked for again either") {
    const Record fresh = other.run("other", "other content");
    const auto caches = other.share({&server}, {&server});
    CHECK_FALSE(caches->find(fresh.key));
    caches->offer(fresh, {});
    caches->finish({});
    CHECK(server.calls() ==
          Calls{"record", "has_blob", "put_blob", "has_blob", "put_blob", "put_record"});
  }
}

TEST_CASE("equal layers of several records are sent once, and records offered twice as well") {
  FakeServer server("server");
  Machine maker;
  const auto caches = maker.share({}, {&server});
  std::vector<Record> records;
  for (int i = 0; i < 20; ++i) records.push_back(maker.run("step " + std::to_string(i), "equal"));
  std::thread beside([&] {
    for (const Record& record : records) caches->offer(record, {});
  });
  for (const Record& record : records) caches->offer(record, {});
  beside.join();
  caches->finish({});
  CHECK(server.count("put_blob") == 2);
  CHECK(server.count("put_record") == 20);
  CHECK(server.records().size() == 20);
  CHECK(caches->figures().records_sent == 20);
  CHECK(maker.unfinished() == 0);
  CHECK(maker.said() == "");
}

TEST_CASE("a layer whose blobs are known and there is not compressed again") {
  FakeServer server("server");
  Machine maker;
  const Record first = maker.run("first", "content");
  upload(maker, server, {first});
  const Record second = maker.run("second", "content");
  CHECK(second.layer == first.layer);
  // It could not be compressed any more.
  std::filesystem::remove(maker.store().layers().directory(first.layer.diff_id) / "file");
  server.forget_calls();
  upload(maker, server, {second});
  CHECK(server.calls() == Calls{"record", "has_blob", "has_blob", "put_record"});
}

TEST_CASE("a directory is shared as any cache is, and known under both its names") {
  TemporaryFolder shared_folder;
  const std::string directory = (shared_folder / "cache").string();
  Machine maker, user;
  const Record record = maker.run("make", std::string(100'000, 'x'));
  SharedCacheOptions options;
  options.to = {{"local", {{"dest", directory}}, "type=local,dest=" + directory}};
  {
    SharedCaches caches(maker.store(), options);
    caches.offer(record, {});
    caches.finish({});
    CHECK(caches.figures().records_sent == 1);
  }
  options.from = {{"local", {{"src", directory}}, "type=local,src=" + directory}};
  SharedCaches caches(user.store(), options);
  const auto shared = caches.find(record.key);
  REQUIRE(shared);
  REQUIRE(caches.read_index(*shared));
  REQUIRE(take_layer(user, caches, *shared));
  caches.offer(*shared);
  caches.finish({});
  CHECK(caches.figures().records_there == 1);
  CHECK(caches.figures().bytes_sent == 0);
}

TEST_CASE("options that cannot be used are refused before any cache is asked") {
  Machine machine;
  SharedCacheOptions options;
  SUBCASE("an unknown type") {
    options.from = {{"ftp", {}, "type=ftp"}};
  }
  SUBCASE("a directory without a name") {
    options.to = {{"local", {}, "type=local"}};
  }
  SUBCASE("a key that is none") {
    options.sign = "/dev/null";
  }
  SUBCASE("a trusted key that is not there") {
    options.trust = {machine.folder() / "missing"};
  }
  CHECK_THROWS_AS(SharedCaches(machine.store(), options), const Error&);
}

TEST_CASE("what waits to be sent is bounded, and what finds no room is said once") {
  FakeServer server("server");
  server.fault = [&](const std::string&) { server.stall(); };
  Machine maker;
  const auto caches = maker.share({}, {&server});
  Record record = maker.run("make", "content");
  for (int i = 0; i < 5000; ++i) {
    record.parts = {{"i", std::to_string(i)}};
    record.key = cache_key(record.parts);
    caches->offer(record, {});
  }
  CHECK(caches->figures().records_waiting < 4200);
  CHECK(maker.said() == "a result of this build is not shared: too many wait to be sent already\n");
}

TEST_CASE("several destinations get the same, and each only what it lacks") {
  FakeServer one("one"), two("two");
  Machine maker;
  const Record record = maker.run("make", "content");
  upload(maker, one, {record});
  const auto caches = maker.share({}, {&one, &two});
  caches->offer(record, {});
  caches->finish({});
  CHECK(two.records() == one.records());
  CHECK(two.blobs() == one.blobs());
  CHECK(one.count("put_blob") == 2);
}

TEST_CASE("what was found in one cache goes to another, without its layer in the store") {
  FakeServer one("one"), two("two");
  Machine maker, user;
  const Record record = maker.run("make", std::string(50'000, 'y'));
  upload(maker, one, {record});
  const auto caches = user.share({&one}, {&two});
  const auto shared = caches->find(record.key);
  REQUIRE(shared);
  caches->offer(*shared);
  caches->finish({});
  CHECK(two.records() == one.records());
  CHECK(two.blobs() == one.blobs());
  CHECK_FALSE(user.store().layers().find(record.layer.diff_id));
  CHECK(user.unfinished() == 0);
  CHECK(user.said() == "");
}

TEST_CASE("what a found record says of a layer goes into no record of our own") {
  FakeServer liar("liar"), server("server");
  Machine maker, user;
  const Record record = maker.run("make", "content");
  const Record other = maker.run("other", "other content");
  upload(maker, liar, {record, other});
  auto lie = maker.share({&liar}, {})->find(record.key);
  const auto true_one = maker.share({&liar}, {})->find(other.key);
  REQUIRE(lie);
  REQUIRE(true_one);
  lie->index = true_one->index;
  lie->tar = true_one->tar;
  liar.put_record(record.key.digest, write_record_document(*lie));

  const auto caches = user.share({&liar}, {&server});
  const auto shared = caches->find(record.key);
  REQUIRE(shared);
  caches->offer(*shared);  // unseen: nobody has read its layer yet
  caches->finish({});
  const Record own = user.run("our own", "content");
  CHECK(own.layer == record.layer);
  caches->offer(own, {});
  caches->finish({});
  const auto reader = user.share({&server}, {});
  const auto read = reader->find(own.key);
  REQUIRE(read);
  CHECK(reader->read_index(*read));
  CHECK(take_layer(user, *reader, *read));
}

TEST_CASE("what a server dropped to make room is sent again") {
  FakeServer server("server");
  Machine maker, user;
  const Record record = maker.run("make", "content");
  upload(maker, server, {record});
  server.drop_blobs();

  SUBCASE("by a machine that found the record and could not get its layer") {
    const auto caches = user.share({&server}, {&server});
    const auto shared = caches->find(record.key);
    REQUIRE(shared);
    CHECK_FALSE(bytes_from(*caches, shared->tar));
    caches->offer(user.run("make", "content"), {});
    caches->finish({});
    CHECK(caches->figures().records_sent == 1);
  }
  SUBCASE("by one that only offers it") {
    upload(user, server, {user.run("make", "content")});
  }
  CHECK(server.blobs().size() == 2);
  CHECK(user.said() == "");
}

TEST_CASE("a record that depends on a secret's digest leaves the machine by no way") {
  FakeServer server("server");
  Machine maker;
  Record record = maker.run("make", "content");
  record.parts.push_back({"secret[token]", "a digest"});
  record.key = cache_key(record.parts);
  upload(maker, server, {record});
  CHECK(server.calls() == Calls{});
}

TEST_CASE("a long list of files stays behind, and the record goes without it") {
  FakeServer server("server");
  Machine maker;
  const Record record = maker.run("make", "content");
  std::string noise;
  for (int i = 0; i < 20'000; ++i) noise += sha256(std::to_string(i)).hex();
  {
    const auto caches = maker.share({}, {&server});
    caches->offer(record, {{"files", noise}, {"mount[/src].files", "short"}});
    caches->finish({});
  }
  const auto caches = maker.share({&server}, {});
  const auto shared = caches->find(record.key);
  REQUIRE(shared);
  REQUIRE(shared->files.size() == 1);
  CHECK(shared->files[0].part == "mount[/src].files");
}

TEST_CASE("waiting for uploads ends when it is told to") {
  FakeServer server("server");
  server.fault = [&](const std::string&) { server.stall(); };
  Machine maker;
  const auto caches = maker.share({}, {&server});
  caches->offer(maker.run("make", "content"), {});
  int ticks = 0;
  caches->finish([&] { return ++ticks == 3; });
  CHECK(ticks == 3);
  CHECK(caches->figures().records_waiting == 1);
}

TEST_CASE("the end of a build in the middle of its uploads leaves nothing unfinished") {
  Machine maker;
  for (const char* call : {"record", "has_blob", "put_blob", "put_record"}) {
    FakeServer server("server");
    server.fault = [&](const std::string& made) {
      if (made == call) server.stall();
    };
    {
      const auto caches = maker.share({}, {&server});
      for (int i = 0; i < 5; ++i) caches->offer(maker.run(call + std::to_string(i), "equal"), {});
      while (server.count(call) == 0) std::this_thread::yield();
    }
    CHECK(server.records().empty());
    CHECK(maker.unfinished() == 0);
  }
  CHECK(maker.said() == "");
}

TEST_CASE("a cancelled build waits for no cache and says nothing of it") {
  FakeServer server("server");
  server.fault = [&](const std::string&) { server.stall(); };
  Machine maker;
  std::atomic<bool> cancelled = false;
  maker.options.cancelled = [&] { return cancelled.load(); };
  const auto caches = maker.share({&server}, {&server});
  caches->offer(maker.run("make", "content"), {});
  std::thread user([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    cancelled = true;
  });
  CHECK_FALSE(caches->find(cache_key({{"a", "b"}})));
  CHECK_FALSE(bytes_from(*caches, {sha256("blob"), 4}));
  caches->finish({});
  user.join();
  CHECK(maker.said() == "");
}
