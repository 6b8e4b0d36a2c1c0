#include "layer_fixture.hpp"
#include "tar_fixture.hpp"

#include <cache/database.hpp>
#include <cache/layers/store.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

using namespace slipway;

namespace {

struct TestStore {
  explicit TestStore(const std::filesystem::path& root)
      : state(root), database(root / "slipway.db"), layers(state, database) {}
  StateDirectory state;
  Database database;
  LayerStore layers;

  // Names in a folder of the store, whatever they are.
  std::size_t count(const std::filesystem::path& folder) const {
    std::size_t names = 0;
    for ([[maybe_unused]] const auto& item : std::filesystem::directory_iterator(folder)) ++names;
    return names;
  }
};

void fill(const std::filesystem::path& upper) {
  std::filesystem::create_directories(upper / "d/e");
  write_text(upper / "d/file", std::string(300'000, 'x'));
  write_text(upper / "d/empty", "");
  write_text(upper / "schr\xc3\xa4g", "text");
  std::filesystem::create_hard_link(upper / "d/file", upper / "d/same");
  std::filesystem::create_symlink("d/file", upper / "link");
}

LayerRef commit_filled(LayerStore& layers) {
  Staging staging = layers.stage();
  fill(staging.upper());
  const BuiltLayer built = index_upper(staging.upper(), StackView({}));
  return layers.commit(std::move(staging), built);
}

std::string tar_of_layer(const LayerStore& layers, const DiffId& id) {
  std::string tar;
  layers.write_tar(id, [&tar](std::span<const std::byte> bytes) {
    tar.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  return tar;
}

}  // namespace

TEST_CASE("a layer goes into a store, out as a tar and into another, and is the same") {
  TemporaryFolder folder;
  TestStore first(folder / "first");
  const LayerRef layer = commit_filled(first.layers);
  CHECK(first.layers.find(layer.diff_id) == layer);
  CHECK(first.count(first.state.layers()) == 2);  // tree and index
  const std::string tar = tar_of_layer(first.layers, layer.diff_id);
  CHECK(sha256(tar) == layer.diff_id.digest);

  TestStore pulled(folder / "pulled");
  StringSource source(tar);
  CHECK(pulled.layers.extract(source, layer.diff_id, false) == layer);
  CHECK(tar_of_layer(pulled.layers, layer.diff_id) == tar);

  TestStore imported(folder / "imported");
  StringSource again(tar);
  CHECK(imported.layers.extract(again, std::nullopt, true) == layer);
  const StackView view = imported.layers.view({layer});
  CHECK(view.find("d/same")->hard_link == "d/file");
  CHECK(view.find("schr\xc3\xa4g"));
  CHECK(index_upper(imported.layers.directory(layer.diff_id), StackView({})).layer == layer);
}

TEST_CASE("a store opened again has its layers") {
  TemporaryFolder folder;
  LayerRef layer;
  {
    TestStore store(folder / "store");
    layer = commit_filled(store.layers);
  }
  TestStore store(folder / "store");
  CHECK(store.layers.find(layer.diff_id) == layer);
  CHECK(store.layers.index(layer.diff_id)->layer() == layer);
  CHECK_FALSE(store.layers.find(DiffId{sha256("other")}));
  CHECK_THROWS_AS(store.layers.index(DiffId{sha256("other")}), Error);
  CHECK_THROWS_AS(store.layers.view({layer, LayerRef{}}), Error);
}

TEST_CASE("a layer that is refused leaves nothing behind") {
  TemporaryFolder folder;
  TestStore store(folder / "store");
  const std::string good = tar_of({{.name = "a", .content = "text"}});
  for (const std::string& bad :
       {good, good.substr(0, 600), tar_of({{.name = "a"}, {.name = "../b"}})}) {
    StringSource source(bad);
    CHECK_THROWS_AS(store.layers.extract(source, DiffId{sha256("another")}, false), Error);
  }
  CHECK(store.count(store.state.layers()) == 0);
  for (const auto& own : std::filesystem::directory_iterator(store.state.root() / "work")) {
    CHECK(store.count(own.path()) == 0);
  }
}

TEST_CASE("a pulled layer's tar comes from its blob, byte for byte") {
  TemporaryFolder folder;
  TestStore store(folder / "store");
  // Not as slipway would write it: out of order, no directory of its own, padded.
  const std::string tar =
      tar_of({{.name = "b/x", .content = "1"}, {.name = "a", .content = "2"}}) +
      std::string(8192, '\0');
  StringSource source(tar);
  const DiffId id{sha256(tar)};
  store.layers.extract(source, id, false);
  CHECK_THROWS_AS(tar_of_layer(store.layers, id), Error);  // nobody kept the blob

  const Digest blob = sha256("any name will do");
  CHECK_THROWS_AS(store.layers.remember_blob(DiffId{sha256("none")}, blob), Error);
  store.layers.remember_blob(id, blob);
  CHECK(store.layers.blob(id) == blob);
  write_text(store.state.blobs() / blob.hex(), tar);
  CHECK(tar_of_layer(store.layers, id) == tar);
  write_text(store.state.blobs() / blob.hex(), tar + "x");
  CHECK_THROWS_AS(tar_of_layer(store.layers, id), Error);
}

TEST_CASE("an altered file in the store is noticed when its layer is written out") {
  TemporaryFolder folder;
  TestStore store(folder / "store");
  const LayerRef layer = commit_filled(store.layers);
  write_text(store.layers.directory(layer.diff_id) / "schr\xc3\xa4g", "tExt");
  CHECK_THROWS_AS(tar_of_layer(store.layers, layer.diff_id), Error);
}

TEST_CASE("many threads that commit one layer leave one") {
  TemporaryFolder folder;
  TestStore store(folder / "store");
  std::atomic<int> committed = 0;
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([&] {
      StringSource source(tar_of({{.name = "a", .content = "text"}}));
      const LayerRef layer = store.layers.extract(source, std::nullopt, false);
      if (store.layers.find(layer.diff_id)) ++committed;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(committed == 4);
  CHECK(store.count(store.state.layers()) == 2);
}

TEST_CASE("a process killed at any moment leaves a layer that is whole, or none") {
  TemporaryFolder folder;
  const std::string tar = tar_of({{.name = "a", .content = "text"}, {.name = "d/b"}});
  const DiffId id{sha256(tar)};
  for (int round = 0; round < 30; ++round) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      try {
        // Over and over, each time without its row, so that every moment is hit.
        TestStore store(folder / "store");
        for (;;) {
          StringSource source(tar);
          store.layers.extract(source, id, false);
          Query(store.database, "DELETE FROM layers").run();
        }
      } catch (...) {
        ::_exit(1);
      }
    }
    ::usleep(static_cast<useconds_t>(2'000 + round * 900));
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));

    TestStore store(folder / "store");
    if (store.layers.find(id)) CHECK(store.layers.index(id)->size() == 3);
    StringSource source(tar);
    CHECK(store.layers.extract(source, id, false).diff_id == id);
    CHECK(store.layers.view({*store.layers.find(id)}).list("d") == std::vector<std::string>{"b"});
    CHECK(store.count(store.state.layers()) == 2);
    CHECK(store.count(store.state.root() / "work") == 1);  // this process's own
  }
}
