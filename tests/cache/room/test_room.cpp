#include "../child_process.hpp"
#include "../temporary_folder.hpp"

#include <cache/blobs.hpp>
#include <cache/containers/store.hpp>
#include <cache/containers/volumes.hpp>
#include <cache/failed_steps.hpp>
#include <cache/fsck.hpp>
#include <cache/partial_blob.hpp>
#include <cache/room/room.hpp>
#include <cache/room/usage.hpp>
#include <cache/settings.hpp>
#include <cache/state_directory.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <string>

using namespace slipway;

namespace {

// A store that is filled by processes of a moment: nobody holds what they left.
struct TestRoom {
  TemporaryFolder folder;
  std::filesystem::path root = folder / "state";
  std::int64_t now = std::time(nullptr);

  static LayerRef commit(Store& store, const std::string& content) {
    Staging staging = store.layers().stage();
    std::ofstream(staging.upper() / "file") << content;
    const BuiltLayer built = index_upper(staging.upper(), StackView({}));
    return store.layers().commit(std::move(staging), built);
  }

  static CacheKey key_of(const std::string& step) { return cache_key({{"step", step}}); }

  // A record whose layer is a file with this content.
  LayerRef step(const std::string& name, const std::string& content, std::int64_t seconds = 1,
                std::int64_t days_idle = 0) {
    Store store(root);
    return step(store, name, content, seconds, days_idle);
  }
  LayerRef step(Store& store, const std::string& name, const std::string& content,
                std::int64_t seconds = 1, std::int64_t days_idle = 0) const {
    const LayerRef layer = commit(store, content);
    Record record;
    record.parts = {{"step", name}};
    record.key = cache_key(record.parts);
    record.layer = layer;
    record.duration = seconds * 1'000'000'000;
    record.created = record.ran = record.last_used = now - days_idle * 24 * 60 * 60;
    record.step = name;
    store.records().put(record);
    return layer;
  }
  Digest image(const LayerRef& layer) const {
    Store store(root);
    ImageConfig config;
    config.diff_ids = {layer.diff_id};
    return store.images().put(write_image_config(config));
  }

  std::string prune(const PruneRule& rule, bool dry_run = false) const {
    Store store(root);
    std::string text;
    for (const RoomItem& item : store.room().prune(rule, dry_run))
      text += (text.empty() ? "" : ", ") + item.what;
    return text;
  }
  bool has(const std::string& name) const {
    Store store(root);
    const auto record = store.records().find(key_of(name));
    return record && store.layers().find(record->layer.diff_id);
  }
  bool is_sound() const { return check_store(root, false).problems.empty(); }
  std::size_t entries(const char* name) const {
    std::error_code none;
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(root / name, none), {}));
  }
};

PruneRule all() {
  PruneRule rule;
  rule.all = true;
  rule.text = "all";
  return rule;
}

PruneRule keeping(std::uint64_t bytes) {
  PruneRule rule;
  rule.keep = bytes;
  rule.text = "keep";
  return rule;
}

}  // namespace

TEST_CASE("pruning all takes what no image has: record, layer and blob") {
  TestRoom test;
  test.step("RUN cached", "cached");
  const LayerRef kept = test.step("RUN kept", "kept");
  test.image(kept);
  {
    Store store(test.root);
    store.blobs().put("nobody's");
    const LayerRef pulled = TestRoom::commit(store, "pulled, and its image removed");
    store.layers().remember_blob(pulled.diff_id, store.blobs().put("its blob"));
    store.layers().remember_blob(kept.diff_id, store.blobs().put("the image's blob"));
  }
  CHECK(test.prune(all(), true).find("RUN cached") != std::string::npos);
  CHECK(test.has("RUN cached"));  // that was a dry run

  test.prune(all());
  CHECK_FALSE(test.has("RUN cached"));
  CHECK(test.has("RUN kept"));
  CHECK(test.entries("layers") == 2);  // a tree and its index
  CHECK(test.entries("blobs") == 1);
  CHECK(test.entries("work") == 0);
  CHECK(test.is_sound());
  Store store(test.root);
  const auto eviction = store.records().eviction(TestRoom::key_of("RUN cached"));
  REQUIRE(eviction);
  CHECK(eviction->rule == "all");
  CHECK_FALSE(store.records().eviction(TestRoom::key_of("RUN kept")));
}

TEST_CASE("a blob that is its layer's tar, uncompressed, goes with the layer") {
  TestRoom test;
  const LayerRef layer = test.step("RUN make", "made");
  {
    Store store(test.root);
    const auto blob = store.blobs().create();
    store.layers().write_tar(layer.diff_id,
                             [&](std::span<const std::byte> bytes) { blob->write(bytes); });
    store.layers().remember_blob(layer.diff_id, blob->finish(layer.diff_id.digest));
  }
  CHECK(test.prune(all()) == "RUN make");
  CHECK(test.entries("layers") == 0);
  CHECK(test.entries("blobs") == 0);
}

TEST_CASE("what can be fetched again is worth the time that takes, also where it is small") {
  TestRoom test;
  Store store(test.root);
  const std::filesystem::path mount = test.root / "mounts" / sha256("cache-mount\n/small").hex();
  std::filesystem::create_directories(mount);
  std::ofstream(mount / "file") << std::string(5'000'000, 'x');
  const std::vector<RoomItem> items = store.room().items();
  REQUIRE(items.size() == 1);
  CHECK(items[0].cost == 500'000'000);
}

TEST_CASE("without a rule only what is useless goes") {
  TestRoom test;
  test.step("RUN cached", "cached");
  {
    Store store(test.root);
    TestRoom::commit(store, "of no image and no step");
  }
  CHECK(test.prune({}) == "a layer of no image and no step");
  CHECK(test.has("RUN cached"));
  CHECK(test.is_sound());
}

TEST_CASE("a layer of two records goes with both, and when the last one was used counts") {
  TestRoom test;
  test.step("RUN one", "the same", 1, 9);
  test.step("RUN other", "the same", 1, 1);
  PruneRule rule;
  rule.unused_since = test.now - 5 * 24 * 60 * 60;
  CHECK(test.prune(rule).empty());
  rule.unused_since = test.now - 60 * 60;
  CHECK(test.prune(rule) == "RUN other");
  CHECK_FALSE(test.has("RUN one"));
  CHECK_FALSE(test.has("RUN other"));
}

TEST_CASE("down to a size: the least valuable goes first, and no more than has to") {
  TestRoom test;
  test.step("RUN dear", std::string(10'000, 'd'), 1000);
  test.step("RUN cheap", std::string(10'000, 'c'), 1);
  test.step("RUN old", std::string(10'000, 'o'), 1, 30);
  CHECK(test.prune(keeping(30'000)).empty());
  CHECK(test.prune(keeping(29'999)) == "RUN old");
  CHECK(test.prune(keeping(5'000)) == "RUN cheap, RUN dear");
}

TEST_CASE("what a running process has found, stored or is going to use stays") {
  TestRoom test;
  test.step("RUN found", "found");
  test.step("RUN forgotten", "forgotten");
  ChildProcess process([&](const ChildProcess& child) {
    Store store(test.root);
    const auto record = store.records().find(TestRoom::key_of("RUN found"));
    if (!record || !store.layers().find(record->layer.diff_id)) return false;
    test.step(store, "RUN stored", "stored");
    const LayerRef unnamed = TestRoom::commit(store, "an image's that is just being pulled");
    store.layers().remember_blob(unnamed.diff_id, store.blobs().put("its blob"));
    child.ready();
    ::pause();
    return true;
  });
  process.wait_until_ready();
  CHECK(test.prune(all()) == "RUN forgotten");
  CHECK(test.has("RUN found"));
  CHECK(test.has("RUN stored"));
  CHECK(test.entries("blobs") == 1);
  CHECK(test.is_sound());
  process.kill();
  // What has() holds here ended with its store.
  test.prune(all());
  CHECK(test.entries("layers") == 0);
  CHECK(test.entries("blobs") == 0);
}

TEST_CASE("an image that gets the layer, or a use, between looking and removing keeps it") {
  TestRoom test;
  const LayerRef layer = test.step("RUN make", "made", 1, 3);
  Store looking(test.root);
  const std::vector<RoomItem> items = looking.room().items();
  REQUIRE(items.size() == 1);
  SUBCASE("an image") {
    test.image(layer);
  }
  SUBCASE("a use") {
    Store store(test.root);
    store.records().touch({TestRoom::key_of("RUN make")});
  }
  // The rule is about three days ago; what it finds now is not that.
  PruneRule rule = all();
  rule.unused_since = test.now - 24 * 60 * 60;
  CHECK(test.prune(rule).empty());
  CHECK(test.has("RUN make"));
}

TEST_CASE("a cache mount stays while a process uses it, and goes with its twins and its row") {
  TestRoom test;
  const Digest digest = sha256("cache-mount\n/root/.cache");
  const auto make = [&](const std::string& name) {
    std::filesystem::create_directories(test.root / "mounts" / name / "deep");
    std::ofstream(test.root / "mounts" / name / "deep/file") << std::string(1000, 'x');
  };
  ChildProcess process([&](const ChildProcess& child) {
    Store store(test.root);
    store.room().use_mount(digest, "/root/.cache");
    make(digest.hex());
    make(digest.hex() + ".1");
    child.ready();
    ::pause();
    return true;
  });
  process.wait_until_ready();
  CHECK(test.prune(all()).empty());
  process.kill();
  {
    Store store(test.root);
    const std::vector<RoomItem> items = store.room().items();
    REQUIRE(items.size() == 1);
    CHECK(items[0].what == "/root/.cache");
    CHECK(items[0].bytes == 2000);
  }
  CHECK(test.prune(all()) == "/root/.cache");
  CHECK(test.entries("mounts") == 0);
  Store store(test.root);
  CHECK(store.room().items().empty());
}

TEST_CASE("a failed step's files go before the layers that they stand on") {
  TestRoom test;
  const LayerRef below = test.step("RUN below", "below");
  {
    Store store(test.root);
    const Staging staging = store.layers().stage();
    REQUIRE(store.failed_steps().keep("a place", staging, "RUN false", {below}));
  }
  CHECK(test.is_sound());
  PruneRule rule;
  rule.ids = {TestRoom::key_of("RUN below").hex()};
  const std::string removed = test.prune(rule);
  CHECK(removed.find("RUN below") != std::string::npos);
  CHECK(removed.find("RUN false") != std::string::npos);
  CHECK(test.entries("failed") == 0);
  CHECK(test.is_sound());
}

TEST_CASE("a git repository that somebody works in stays") {
  TestRoom test;
  const std::string name = sha256("a remote").hex();
  {
    Store store(test.root);
    std::filesystem::create_directories(test.root / "git" / name / "objects");
    std::ofstream(test.root / "git" / name / "HEAD") << "ref: refs/heads/main\n";
  }
  {
    std::ofstream(test.root / "git" / (name + ".lock"));
    ChildProcess process([&](const ChildProcess& child) {
      const int lock = ::open((test.root / "git" / (name + ".lock")).c_str(), O_RDWR);
      const bool locked = ::flock(lock, LOCK_EX) == 0;
      child.ready();
      ::pause();
      return locked;
    });
    process.wait_until_ready();
    CHECK(test.prune(all()).empty());
    process.kill();
  }
  CHECK(test.prune(all()) == "a git repository");
  CHECK_FALSE(std::filesystem::exists(test.root / "git" / name));
}

TEST_CASE(
    "the end of a build brings the cache down to what is set, and counts what images have not") {
  TestRoom test;
  test.image(test.step("RUN image", std::string(50'000, 'i')));
  test.step("RUN cheap", std::string(10'000, 'c'), 1);
  {
    Store store(test.root);
    store.settings().set("cache.keep", "20000");
    test.step(store, "RUN dear", std::string(10'000, 'd'), 1000);
    CHECK(store.make_room().empty());
    test.step(store, "RUN new", std::string(5'000, 'n'), 10);
    const std::vector<RoomItem> removed = store.make_room();
    REQUIRE(removed.size() == 1);
    CHECK(removed[0].what == "RUN cheap");
    CHECK(store.records().eviction(TestRoom::key_of("RUN cheap"))->rule == "cache.keep 20000");
    // Also what this build has made itself, once it has ended.
    store.settings().set("cache.keep", "0");
    CHECK(store.make_room().size() == 2);
  }
  CHECK(test.has("RUN image"));
  CHECK(test.is_sound());
}

TEST_CASE("whoever is killed while he removes leaves a sound store, and the next one sweeps up") {
  TestRoom test;
  test.step("RUN make", "made");
  test.step("RUN other", "other");
  // As it is between the transaction and the rename.
  {
    Store store(test.root);
    const FileLock lock = store.state().lock("prune");
  }
  std::ofstream(test.root / "locks" / "prune.lock");
  std::filesystem::create_directory(test.root / "layers" / sha256("gone").hex());
  std::ofstream(test.root / "layers" / (sha256("gone").hex() + ".index"));
  const StoreCheck check = check_store(test.root, false);
  CHECK(check.problems.size() == 2);
  for (const std::string& problem : check.problems)
    CHECK(problem.find("belongs to nothing") != std::string::npos);
  {
    Store store(test.root);
    CHECK(store.make_room().empty());
  }
  CHECK(test.is_sound());
  CHECK(test.has("RUN make"));
  CHECK_FALSE(std::filesystem::exists(test.root / "locks" / "prune.lock"));
}

TEST_CASE(
    "what somebody left who was killed before his layer had its row goes with the next build") {
  TestRoom test;
  test.step("RUN make", "made");
  const auto tree = test.root / "layers" / sha256("half").hex();
  {
    ChildProcess process([&](const ChildProcess& child) {
      Store store(test.root);
      std::filesystem::create_directory(store.state().fresh_work_path());
      std::filesystem::create_directory(tree);
      std::ofstream(tree.string() + ".index");
      child.ready();
      ::pause();
      return true;
    });
    process.wait_until_ready();
    {
      // Somebody who lives leaves no mark.
      Store store(test.root);
      store.state().own_work();
      CHECK_FALSE(std::filesystem::exists(store.state().died()));
    }
    process.kill();
  }
  // The first to come needs not be a build, nor the one who looks what is wrong.
  CHECK(check_store(test.root, false).problems.size() == 2);
  {
    Store store(test.root);
    store.state().own_work();
    CHECK(std::filesystem::exists(store.state().died()));
  }
  {
    Store store(test.root);
    CHECK(store.make_room().empty());
    CHECK_FALSE(std::filesystem::exists(store.state().died()));
  }
  CHECK_FALSE(std::filesystem::exists(tree));
  CHECK(test.is_sound());
  CHECK(test.has("RUN make"));
}

TEST_CASE("a hundred prunes are killed anywhere, and no build ever finds half a layer") {
  TestRoom test;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 5; ++i)
      test.step("RUN " + std::to_string(i), "content " + std::to_string(i));
    ChildProcess process([&](const ChildProcess& child) {
      child.ready();
      test.prune(all());
      return true;
    });
    process.wait_until_ready();
    ::usleep(static_cast<useconds_t>(round * 100));
    process.kill();
    const StoreCheck check = check_store(test.root, false);
    for (const std::string& problem : check.problems) {
      CAPTURE(problem);
      CHECK(problem.find("belongs to nothing") != std::string::npos);
    }
  }
  test.prune(all());
  CHECK(test.is_sound());
  CHECK(test.entries("layers") == 0);
}

TEST_CASE("du tells what is shared and what each has alone") {
  TestRoom test;
  const LayerRef base = test.step("RUN base", std::string(1000, 'b'));
  const LayerRef one = test.step("RUN one", std::string(200, '1'));
  test.step("RUN cached", std::string(30, 'c'));
  Store store(test.root);
  ImageConfig config;
  config.diff_ids = {base.diff_id, one.diff_id};
  store.images().put(write_image_config(config));
  config.diff_ids = {base.diff_id};
  store.images().put(write_image_config(config));
  const Usage usage = store.room().usage(store.images());
  REQUIRE(usage.images.size() == 2);
  for (const Usage::ImageUse& use : usage.images) {
    CHECK(use.shared == 1000);
    CHECK((use.alone == 0 || use.alone == 200));
  }
  CHECK(usage.image_layers == 1200);
  CHECK(usage.records.size() == 3);
  REQUIRE(usage.items.size() == 1);
  CHECK(usage.items[0].what == "RUN cached");
  CHECK(usage.items[0].bytes == 30);
}

TEST_CASE("what a container stands on stays, with its blobs, until the container goes") {
  TestRoom test;
  const LayerRef below = test.step("RUN below", "below");
  test.step("RUN cached", "cached");
  const Digest image = test.image(below);
  std::string id;
  {
    Store store(test.root);
    store.layers().remember_blob(below.diff_id, store.blobs().put("its blob"));
    id = store.containers().create("web", image, "app", {below}, {}).id;
    std::ofstream(store.containers().folder(id) / "upper/own") << std::string(300, 'o');
    store.volumes().create("data", {});
    std::ofstream(store.volumes().directory("data") / "file") << std::string(70, 'v');
    store.images().remove(image);
    const Usage usage = store.room().usage(store.images());
    CHECK(usage.image_layers == 0);
    CHECK(usage.container_layers == below.size);
    REQUIRE(usage.containers.size() == 1);
    CHECK(usage.containers[0].bytes == 300);
    CHECK_FALSE(usage.containers[0].running);
    REQUIRE(usage.volumes.size() == 1);
    CHECK(usage.volumes[0].bytes == 70);
    for (const RoomItem& item : usage.items) CHECK(item.what == "RUN cached");
  }
  test.prune(all());
  test.prune(keeping(0));
  CHECK(test.has("RUN below"));
  CHECK_FALSE(test.has("RUN cached"));
  CHECK(test.entries("blobs") == 1);
  CHECK(test.entries("volumes") == 1);
  CHECK(test.is_sound());
  {
    Store store(test.root);
    const auto lock = ContainerLock::attempt(store.containers().folder(id));
    REQUIRE(lock);
    store.containers().remove(id, *lock);
  }
  test.prune(all());
  CHECK_FALSE(test.has("RUN below"));
  CHECK(test.entries("blobs") == 0);
  CHECK(test.entries("layers") == 0);
  CHECK(test.entries("volumes") == 1);  // nobody but its user removes one
}

TEST_CASE("a container's leftovers are swept with the rest of what the killed have left") {
  TestRoom test;
  {
    Store store(test.root);
    store.containers().create("web", sha256("image"), "app", {}, {});
  }
  std::filesystem::create_directories(test.root / "containers" / std::string(64, 'a') / "upper/x");
  test.prune(PruneRule{});
  CHECK(test.entries("containers") == 1);
  CHECK(test.is_sound());
}

TEST_CASE("what has come of a blob goes with the rest of the cache, unless a pull is at it") {
  TestRoom test;
  const Digest left = sha256("left");
  const Digest used = sha256("used");
  Store store(test.root);
  for (const Digest& digest : {left, used}) {
    const std::string_view bytes = "front";
    PartialBlob::attempt(store.state(), digest)->append(std::as_bytes(std::span(bytes)));
  }
  const auto in_use = PartialBlob::attempt(store.state(), used);
  CHECK(test.prune({}) == "");  // it may be of use
  PruneRule rule;
  rule.kinds = {RoomItem::Kind::partial};
  CHECK(test.prune(rule) == "what has come of a blob");
  CHECK(PartialBlob::size_of(store.state(), left) == 0);
  CHECK(PartialBlob::size_of(store.state(), used) == 5);
  CHECK(test.prune(all()) == "");
}

TEST_CASE("what has come of blobs counts where room is looked for") {
  TestRoom test;
  Store store(test.root);
  const Digest left = sha256("left");
  const std::string bytes(5'000, 'x');
  PartialBlob::attempt(store.state(), left)->append(std::as_bytes(std::span(bytes)));
  store.settings().set("cache.keep", "20000");
  CHECK(store.make_room().empty());
  store.settings().set("cache.keep", "1000");
  CHECK(store.make_room().size() == 1);
  CHECK(PartialBlob::size_of(store.state(), left) == 0);
}
