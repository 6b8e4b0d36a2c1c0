// The parts together: what survives a killed process, a sync, and another process beside.
#include "child_process.hpp"
#include "temporary_folder.hpp"

#include <cache/blobs.hpp>
#include <cache/database.hpp>
#include <cache/store.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

using namespace slipway;

namespace {

// What a step does: a tree, its layer, the record that points to it.
CacheKey run_step(Store& store, const std::string& content) {
  Staging staging = store.layers().stage();
  const auto file = staging.upper() / "file";
  std::ofstream(file) << content;
  // A diffID holds the time, in whole seconds: two processes must not make a step a second apart.
  std::filesystem::last_write_time(file, std::filesystem::file_time_type{});
  const BuiltLayer built = index_upper(staging.upper(), StackView({}));
  const LayerRef layer = store.layers().commit(std::move(staging), built);
  const KeyParts parts = {{"step", content}};
  const CacheKey key = cache_key(parts);
  store.records().put({key, parts, layer, 1, 1, 1, "RUN step"});
  return key;
}

std::string image_of(const LayerRef& layer) {
  ImageConfig config;
  config.diff_ids = {layer.diff_id};
  return write_image_config(config);
}

std::int64_t layers_not_durable(const std::filesystem::path& root) {
  Database database(root / "slipway.db");
  Query query(database, "SELECT count(*) FROM layers WHERE boot <> ''");
  REQUIRE(query.step());
  return query.integer(0);
}

}  // namespace

TEST_CASE("a sync makes durable what was committed before it, also by other processes") {
  TemporaryFolder folder;
  Store store(folder.path());
  store.sync();  // nothing to do is no failure
  run_step(store, "ours");
  ChildProcess other([&](const ChildProcess&) {
    Store its(folder.path());
    run_step(its, "its");
    return true;
  });
  REQUIRE(other.succeeded());
  CHECK(layers_not_durable(folder.path()) == 2);
  store.sync();
  CHECK(layers_not_durable(folder.path()) == 0);
  run_step(store, "later");
  CHECK(layers_not_durable(folder.path()) == 1);
}

TEST_CASE("what a reboot took is a miss, and the step can be run again in its place") {
  TemporaryFolder folder;
  CacheKey key;
  {
    Store store(folder.path());
    key = run_step(store, "content");
  }
  {
    Database database(folder / "slipway.db");
    Query(database, "UPDATE layers SET boot = 'the boot before'").run();
  }
  Store store(folder.path());
  CHECK_FALSE(store.records().find(key));
  CHECK(run_step(store, "content") == key);
  const auto record = store.records().find(key);
  REQUIRE(record);
  CHECK(std::filesystem::exists(store.layers().directory(record->layer.diff_id) / "file"));
}

TEST_CASE("kill -9 at any time: every record has its layer, and every image all of its own") {
  TemporaryFolder folder;
  { Store make(folder.path()); }
  for (int round = 0; round < 15; ++round) {
    ChildProcess writer([&](const ChildProcess& self) {
      Store store(folder.path());
      for (int i = 0;; ++i) {
        const std::string content = std::to_string(round) + "." + std::to_string(i);
        const auto record = store.records().find(run_step(store, content));
        const Digest id = store.images().put(image_of(record->layer));
        store.images().tag(parse_reference("app:" + content), id);
        if (i == 2) self.ready();
      }
      return true;
    });
    writer.wait_until_ready();
    std::this_thread::sleep_for(std::chrono::microseconds(round * 431));
    writer.kill();

    Store store(folder.path());
    const auto images = store.images().list();
    CHECK(images.size() >= static_cast<std::size_t>(3 * (round + 1)));
    for (const ImageSummary& summary : images) {
      const auto image = store.images().find(summary.id);
      REQUIRE(image);
      const LayerRef& layer = image->layers.front();
      CHECK(store.layers().index(layer.diff_id)->layer() == layer);
      CHECK(std::filesystem::file_size(store.layers().directory(layer.diff_id) / "file") > 0);
    }
  }
  { Store(folder.path()).blobs().put("whoever writes next cleans up"); }
  CHECK(std::filesystem::is_empty(folder / "work"));
}

TEST_CASE("two processes that make the same steps at once end with one of each") {
  TemporaryFolder folder;
  const auto make_all = [&](const ChildProcess&) {
    Store store(folder.path());
    for (int i = 0; i < 20; ++i)
      if (!store.records().find(run_step(store, std::to_string(i)))) return false;
    store.sync();
    return true;
  };
  ChildProcess first(make_all);
  ChildProcess second(make_all);
  CHECK(first.succeeded());
  CHECK(second.succeeded());
  Database database(folder / "slipway.db");
  for (const char* sql : {"SELECT count(*) FROM layers", "SELECT count(*) FROM records"}) {
    Query query(database, sql);
    REQUIRE(query.step());
    CHECK(query.integer(0) == 20);
  }
}
