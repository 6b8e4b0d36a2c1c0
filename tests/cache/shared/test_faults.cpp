// Caches that fail, stall and lie: each costs one note and a moment, never a wrong result.
#include "fake_cache.hpp"

#include <cache/layers/index.hpp>
#include <cache/layers/index_writer.hpp>
#include <cache/layers/tree_digest.hpp>
#include <cache/shared/record_document.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

using namespace slipway;
using std::chrono::milliseconds;

namespace {

using Clock = std::chrono::steady_clock;

// For servers that stall. Long enough for the good one on a busy machine.
constexpr milliseconds short_patience{500};

// A good server with a record, and a bad one with the same.
struct Pair {
  FakeServer bad{"bad"};
  FakeServer good{"good"};
  Machine maker;
  Machine user;
  Record record = maker.run("make", std::string(3000, 'z') + "content");

  Pair() {
    const auto caches = maker.share({}, {&bad, &good});
    caches->offer(record, {});
    caches->finish({});
    bad.forget_calls();
  }
};

void check_one_note(const Machine& machine, const std::string& expected) {
  CHECK(machine.notes().size() == 1);
  CAPTURE(machine.said());
  CHECK(machine.said().find(expected) != std::string::npos);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a cache whose record cannot be used is left alone, and the next one gives it") {
  Pair test;
  FakeServer& bad = test.bad;
  std::string expected;
  SUBCASE("it fails") {
    bad.fault = [](const std::string&) {
      throw Error("the server says 500").hint("ask its owner");
    };
    expected = "bad is left alone for the rest of this build: the server says 500\n";
  }
  SUBCASE("it throws what is no Error") {
    bad.fault = [](const std::string&) { throw std::runtime_error("odd"); };
    expected = "bad is left alone for the rest of this build: odd\n";
  }
  SUBCASE("it stalls") {
    test.user.options.patience = short_patience;
    bad.fault = [&](const std::string&) { bad.stall(); };
    expected = "it did not answer within 0.5 s";
  }
  SUBCASE("it hangs, and cannot be cancelled") {
    test.user.options.patience = short_patience;
    bad.fault = [&](const std::string&) { bad.hang(); };
    expected = "it did not answer within 0.5 s";
  }
  SUBCASE("it gives another text") {
    bad.altered = [](const std::string&) { return "<html>Welcome to nginx!</html>"; };
    expected =
        "bad gave wrong bytes and is left alone for the rest of this build: "
        "the record is malformed";
  }
  SUBCASE("it gives half of the record") {
    bad.altered = [](const std::string& bytes) { return bytes.substr(0, bytes.size() / 2); };
    expected = "bad gave wrong bytes";
  }
  SUBCASE("it gives more than the record") {
    bad.altered = [](const std::string& bytes) { return bytes + bytes; };
    expected = "bad gave wrong bytes";
  }
  SUBCASE("it gives the record of another key") {
    const Record other = test.maker.run("other", "other");
    const std::string bytes = write_record_document({other, {}, {}, {}});
    bad.altered = [bytes](const std::string&) { return bytes; };
    expected =
        "bad gave wrong bytes and is left alone for the rest of this build: "
        "the record is that of another key";
  }
  SUBCASE("it changes what the record was made of") {
    bad.altered = [](const std::string& bytes) { return replaced(bytes, "make", "fake"); };
    expected = "bad gave wrong bytes";
  }
  const auto caches = test.user.share({&bad, &test.good}, {});
  const auto began = Clock::now();
  const auto shared = caches->find(test.record.key);
  CHECK(Clock::now() - began < milliseconds(3000));
  REQUIRE(shared);
  CHECK(shared->record.layer == test.record.layer);
  check_one_note(test.user, expected);
  CHECK_FALSE(test.user.notes().front().hint.empty());
  CHECK(caches->find(test.record.key));
  CHECK(caches->find(test.record.key));
  CHECK(bytes_from(*caches, shared->tar));
  CHECK(bad.calls().size() == 1);
  CHECK(test.user.notes().size() == 1);
  bad.let_go();
}

TEST_CASE("a cache whose blobs cannot be used is left alone, and the next one gives them") {
  Pair test;
  FakeServer& bad = test.bad;
  const auto shared = test.user.share({&test.good}, {})->find(test.record.key);
  REQUIRE(shared);
  bad.piece = 20;  // several for each blob
  std::string expected;
  SUBCASE("it fails") {
    bad.fault = [](const std::string&) { throw Error("the server says 500"); };
    expected = "bad is left alone for the rest of this build: the server says 500\n";
  }
  SUBCASE("it fails in the middle") {
    bad.between = [] { throw Error("connection reset"); };
    expected = "connection reset";
  }
  SUBCASE("it stalls") {
    test.user.options.patience = short_patience;
    bad.fault = [&](const std::string&) { bad.stall(); };
    expected = "it did not answer within 0.5 s";
  }
  SUBCASE("it stalls in the middle") {
    test.user.options.patience = short_patience;
    bad.between = [&] { bad.stall(); };
    expected = "no byte came for 0.5 s";
  }
  SUBCASE("it hangs in the middle") {
    test.user.options.patience = short_patience;
    bad.between = [&] { bad.hang(); };
    expected = "no byte came for 0.5 s";
  }
  SUBCASE("it crawls") {
    test.user.options.patience = short_patience;
    bad.piece = 3;
    bad.between = [&] { bad.stall(100); };
    expected = "it sent less than 100 kB a second for 1.5 s";
  }
  SUBCASE("it gives half of the blob") {
    bad.altered = [](const std::string& bytes) { return bytes.substr(0, bytes.size() / 2); };
    expected = "ended after";
  }
  SUBCASE("it gives other bytes") {
    bad.altered = [](std::string bytes) {
      bytes.back() = static_cast<char>(bytes.back() ^ 1);
      return bytes;
    };
    expected =
        "bad gave wrong bytes and is left alone for the rest of this build: the blob sha256:";
  }
  SUBCASE("it gives more bytes") {
    bad.piece = 1'000'000;
    bad.altered = [](const std::string& bytes) { return bytes + "more"; };
    expected = "bad gave wrong bytes";
  }
  SUBCASE("it gives nothing") {
    bad.altered = [](const std::string&) { return ""; };
    expected = "ended after 0 of";
  }
  const auto caches = test.user.share({&bad, &test.good}, {});
  const auto began = Clock::now();
  const auto bytes = bytes_from(*caches, shared->tar);
  CHECK(Clock::now() - began < milliseconds(6000));
  REQUIRE(bytes);
  CHECK(sha256(*bytes) == shared->tar.digest);
  check_one_note(test.user, expected);
  CHECK(bytes_from(*caches, shared->index));
  CHECK(bad.count("blob") == 1);
  bad.let_go();
}

TEST_CASE("a record that nobody has, or a blob, is no failure") {
  Pair test;
  const auto caches = test.user.share({&test.bad}, {});
  for (int i = 0; i < 30; ++i) {
    CHECK_FALSE(caches->find(cache_key({{"i", std::to_string(i)}})));
    CHECK_FALSE(bytes_from(*caches, {sha256(std::to_string(i)), 4}));
  }
  CHECK(caches->find(test.record.key));
  CHECK(test.user.said() == "");
}

TEST_CASE("what a reader cannot use is asked of the next cache") {
  Pair test;
  const auto caches = test.user.share({&test.bad, &test.good}, {});
  const auto shared = caches->find(test.record.key);
  REQUIRE(shared);
  int reads = 0;
  CHECK(caches->read_blob(shared->tar, [&](ByteSource&) {
    if (++reads == 1) throw Error("the layer's diffID is another");
  }));
  CHECK(reads == 2);  // the second one did not read to the end, which is done for it
  check_one_note(test.user, "the layer's diffID is another");
}

TEST_CASE("a layer that takes longer than its step is given up, and the cache goes on") {
  FakeServer server("server");
  Machine machine;
  std::string noise;
  for (int i = 0; i < 30'000; ++i) {
    const Digest digest = sha256(std::to_string(i));
    noise.append(digest.bytes.begin(), digest.bytes.end());
  }
  const Record record = machine.run("make", noise);
  {
    const auto caches = machine.share({}, {&server});
    caches->offer(record, {});
    caches->finish({});
  }
  machine.options.patience = short_patience;
  server.piece = 20'000;
  server.between = [&] { server.stall(50); };
  const auto caches = machine.share({&server}, {});
  const auto shared = caches->find(record.key);
  REQUIRE(shared);
  const auto read = [](ByteSource& source) {
    std::vector<std::byte> buffer(10'000);
    while (source.read(buffer) > 0) continue;
  };
  CHECK_FALSE(caches->read_blob(shared->tar, read, milliseconds(100)));
  CHECK(machine.said() == "");
  CHECK(caches->read_blob(shared->tar, read, std::chrono::hours(1)));
}

TEST_CASE("an index of another layer than the record's is none") {
  Pair test;
  const Record other = test.maker.run("other", "other content");
  {
    const auto caches = test.maker.share({}, {&test.bad});
    caches->offer(other, {});
    caches->finish({});
  }
  const auto caches = test.user.share({&test.bad}, {});
  auto shared = caches->find(test.record.key);
  const auto of_other = caches->find(other.key);
  REQUIRE(shared);
  REQUIRE(of_other);
  CHECK(caches->read_index(*of_other));
  shared->index = of_other->index;
  CHECK_FALSE(caches->read_index(*shared));
  check_one_note(test.user, "the index is not that of layer sha256:");
}

TEST_CASE("an index that tells of what no layer has is none") {
  FakeServer server("bad");
  const auto is_read = [&](const Entry& entry) {
    Machine machine;
    IndexWriter index;
    TreeHasher tree;
    index.add(entry);
    tree.add(entry);
    SharedRecord shared;
    shared.record.layer = {DiffId{sha256("layer")}, tree.finish(), 1024};
    const std::string bytes = index.finish(shared.record.layer);
    shared.index = {sha256(bytes), bytes.size()};
    machine.folder().write("index", bytes);
    server.open({})->put_blob(shared.index, machine.folder() / "index");
    return machine.share({&server}, {})->read_index(shared) != nullptr;
  };
  Entry entry;
  entry.type = Entry::Type::directory;
  entry.mode = 0755;
  entry.path = "usr";
  entry.xattrs = {{"user.mine", "x"}};
  CHECK(is_read(entry));
  // What overlayfs would act on.
  for (const char* name :
       {"trusted.overlay.redirect", "trusted.overlay.opaque", "user.overlay.opaque"}) {
    entry.xattrs = {{name, "/"}};
    CHECK_FALSE(is_read(entry));
  }
  entry.xattrs.clear();
  for (const char* path : {"..", "../x", "usr/../../x", "/etc", "a//b", "a/", "."}) {
    CAPTURE(path);
    entry.path = path;
    CHECK_FALSE(is_read(entry));
  }
  entry.type = Entry::Type::file;
  entry.path = "file";
  entry.hard_link = "../file";
  CHECK_FALSE(is_read(entry));
  entry.hard_link.clear();
  CHECK(is_read(entry));
}

TEST_CASE("a cache that answers slowly costs no more than patience altogether") {
  Pair test;
  test.user.options.patience = short_patience;
  test.bad.fault = [&](const std::string&) { test.bad.stall(120); };
  const auto caches = test.user.share({&test.bad}, {});
  const auto began = Clock::now();
  for (int i = 0; i < 20; ++i) CHECK_FALSE(caches->find(cache_key({{"i", std::to_string(i)}})));
  CHECK(Clock::now() - began < milliseconds(3000));
  CHECK(test.bad.calls().size() < 9);
  check_one_note(test.user, "its answers came too slowly, 0.5 s too late altogether");
}

TEST_CASE("of many that wait for a stalled cache none waits longer than patience") {
  Pair test;
  test.user.options.patience = short_patience;
  test.bad.fault = [&](const std::string&) { test.bad.stall(); };
  const auto caches = test.user.share({&test.bad, &test.good}, {});
  const auto began = Clock::now();
  std::vector<std::thread> steps;
  std::atomic<int> found = 0;
  for (int i = 0; i < 8; ++i) {
    steps.emplace_back([&] { found += caches->find(test.record.key) ? 1 : 0; });
  }
  for (std::thread& step : steps) step.join();
  CHECK(Clock::now() - began < milliseconds(3000));
  CHECK(found == 8);
  CHECK(test.user.notes().size() == 1);
}

TEST_CASE("a build does not stay for a call that hangs") {
  Pair test;
  test.user.options.patience = short_patience;
  test.bad.fault = [&](const std::string&) { test.bad.hang(); };
  auto caches = test.user.share({&test.bad}, {&test.bad});
  CHECK_FALSE(caches->find(test.record.key));
  const auto began = Clock::now();
  caches.reset();
  CHECK(Clock::now() - began < milliseconds(5000));
}

TEST_CASE("a destination that fails is left alone, and the others get all") {
  Pair test;
  FakeServer& bad = test.bad;
  FakeServer fresh("fresh");
  bad.drop_blobs();
  std::string expected;
  SUBCASE("it fails") {
    bad.fault = [](const std::string&) { throw Error("the server says 403"); };
    expected = "nothing more is written to bad in this build: the server says 403";
  }
  SUBCASE("it takes no blob") {
    bad.fault = [](const std::string& call) {
      if (call == "put_blob") throw Error("the disk is full");
    };
    expected = "the disk is full";
  }
  SUBCASE("it takes no record") {
    bad.fault = [](const std::string& call) {
      if (call == "put_record") throw Error("not now");
    };
    expected = "not now";
  }
  SUBCASE("it stalls") {
    test.maker.options.patience = short_patience;
    bad.fault = [&](const std::string&) { bad.stall(); };
    expected = "it did not answer within 0.5 s";
  }
  SUBCASE("it stalls while it is sent to") {
    test.maker.options.patience = short_patience;
    bad.fault = [&](const std::string& call) {
      if (call == "put_blob") bad.stall();
    };
    expected = "it took longer than 1.5 s";
  }
  SUBCASE("it hangs while it is sent to") {
    test.maker.options.patience = short_patience;
    bad.fault = [&](const std::string& call) {
      if (call == "put_blob") bad.hang();
    };
    expected = "it took longer than 1.5 s";
  }
  const auto caches = test.maker.share({}, {&bad, &fresh});
  for (int i = 0; i < 10; ++i) {
    caches->offer(test.maker.run("step " + std::to_string(i), std::to_string(i)), {});
  }
  const auto began = Clock::now();
  caches->finish({});
  CHECK(Clock::now() - began < milliseconds(8000));
  CHECK(fresh.records().size() == 10);
  CHECK(fresh.blobs().size() == 20);
  check_one_note(test.maker, expected);
  CHECK(test.maker.unfinished() == 0);
  bad.let_go();
}

TEST_CASE("what a destination has under a key and is none of its records is replaced") {
  Pair test;
  test.bad.put_record(test.record.key.digest, "<html>");
  const auto caches = test.maker.share({}, {&test.bad});
  caches->offer(test.record, {});
  caches->finish({});
  CHECK(test.bad.records() == test.good.records());
  CHECK(test.maker.said() == "");
}

TEST_CASE("a layer that is damaged here is not shared, and that is said once") {
  FakeServer server("server");
  Machine maker;
  const auto caches = maker.share({}, {&server});
  for (int i = 0; i < 3; ++i) {
    const Record record = maker.run(std::to_string(i), std::to_string(i));
    maker.folder().write("store/layers/" + record.layer.diff_id.hex() + "/file", "damaged");
    caches->offer(record, {});
  }
  const Record good = maker.run("good", "good");
  caches->offer(good, {});
  caches->finish({});
  CHECK(server.records().size() == 1);
  CHECK(server.records().contains(good.key.digest));
  check_one_note(maker, "a result of this build is not shared: ");
  CHECK(maker.unfinished() == 0);
}

TEST_CASE("a record from the future is not younger than now") {
  FakeServer server("server");
  Machine maker;
  Record record = maker.run("make", "content");
  record.created = record.ran = std::int64_t{1} << 40;
  {
    const auto caches = maker.share({}, {&server});
    caches->offer(record, {});
    caches->finish({});
  }
  const auto caches = maker.share({&server}, {});
  const auto shared = caches->find(record.key);
  REQUIRE(shared);
  CHECK(shared->record.ran <= std::time(nullptr));
  CHECK(shared->record.created <= std::time(nullptr));
}
