#include "../child_process.hpp"
#include "../temporary_folder.hpp"

#include <cache/containers/store.hpp>
#include <cache/containers/volumes.hpp>
#include <cache/database.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

struct TestVolumes {
  explicit TestVolumes(const fs::path& root)
      : state(root), database(state.root() / "slipway.db"), volumes(state, database) {}
  StateDirectory state;
  Database database;
  VolumeStore volumes;
};

}  // namespace

TEST_CASE("a volume is made once, and keeps its labels") {
  TemporaryFolder folder;
  TestVolumes test(folder / "state");
  const StoredVolume made = test.volumes.create("data", {{"a", "1"}, {"b", ""}});
  CHECK(made.name == "data");
  CHECK_FALSE(made.anonymous);
  CHECK(made.created > 0);
  CHECK(fs::is_directory(test.volumes.directory("data")));
  std::ofstream(test.volumes.directory("data") / "file") << "x";
  const StoredVolume again = test.volumes.create("data", {{"other", ""}});
  CHECK(again.labels == made.labels);
  CHECK(again.created == made.created);
  CHECK(fs::exists(test.volumes.directory("data") / "file"));
  CHECK(test.volumes.get("data").labels == made.labels);
  CHECK_THROWS_AS((void)test.volumes.get("date"), NoSuchVolume);
  CHECK_THROWS_AS(test.volumes.create("../data", {}), Error);
  CHECK_THROWS_AS(test.volumes.create("x", {}), Error);
  // Bytes that JSON cannot keep do not end the program.
  CHECK_NOTHROW(test.volumes.create("bytes", {{"a", "\xff"}}));
  CHECK(test.volumes.list().size() == 2);
}

TEST_CASE("a volume without a name gets one that nobody can guess") {
  TemporaryFolder folder;
  TestVolumes test(folder / "state");
  const StoredVolume made = test.volumes.create("", {});
  CHECK(made.anonymous);
  CHECK(made.name.size() == 64);
  CHECK(test.volumes.get(made.name).anonymous);
}

TEST_CASE("a volume goes with its files, unless a container has it") {
  TemporaryFolder folder;
  TestVolumes test(folder / "state");
  test.volumes.create("data", {});
  std::ofstream(test.volumes.directory("data") / "file") << "x";
  ContainerStore containers(test.state, test.database);
  ContainerConfig config;
  config.mounts = {{ContainerMount::Type::volume, "data", "/data", false, false, false, 0, 0}};
  const Container web = containers.create("web", sha256("image"), "app", {}, config);
  CHECK_THROWS_AS(test.volumes.remove("data"), Error);
  CHECK(fs::exists(test.volumes.directory("data") / "file"));
  {
    const auto lock = ContainerLock::attempt(containers.folder(web.id));
    containers.remove(web.id, *lock);
  }
  CHECK(test.volumes.users("data").empty());
  test.volumes.remove("data");
  CHECK_FALSE(fs::exists(test.state.root() / "volumes/data"));
  CHECK_THROWS_AS(test.volumes.remove("data"), NoSuchVolume);
  CHECK_THROWS_AS(test.volumes.remove("../containers"), NoSuchVolume);
}

TEST_CASE("a volume whose folder somebody has removed is there again, and can be removed") {
  TemporaryFolder folder;
  TestVolumes test(folder / "state");
  test.volumes.create("data", {{"a", "1"}});
  fs::remove_all(test.state.root() / "volumes");
  CHECK(test.volumes.create("data", {}).labels.size() == 1);
  CHECK(fs::is_directory(test.volumes.directory("data")));
  fs::remove_all(test.state.root() / "volumes/data");
  CHECK_NOTHROW(test.volumes.remove("data"));
}

TEST_CASE("sweeping volumes takes empty folders that are none, and no file") {
  TemporaryFolder folder;
  TestVolumes test(folder / "state");
  test.volumes.create("data", {});
  fs::create_directories(test.state.root() / "volumes/empty/_data");
  fs::create_directories(test.state.root() / "volumes/full/_data");
  std::ofstream(test.state.root() / "volumes/full/_data/file") << "x";
  test.volumes.sweep();
  CHECK(fs::exists(test.volumes.directory("data")));
  CHECK_FALSE(fs::exists(test.state.root() / "volumes/empty"));
  CHECK(fs::exists(test.state.root() / "volumes/full/_data/file"));
}

TEST_CASE("labels that are damaged are an error that names the volume") {
  TemporaryFolder folder;
  TestVolumes test(folder / "state");
  test.volumes.create("data", {});
  Query(test.database, "UPDATE volumes SET labels = '{' WHERE name = 'data'").run();
  CHECK_THROWS_AS((void)test.volumes.get("data"), Error);
}

TEST_CASE("processes that make one volume at once have one") {
  TemporaryFolder folder;
  const fs::path root = folder / "state";
  { TestVolumes(fs::path(root)); }
  ChildProcess other([&](const ChildProcess& self) {
    TestVolumes own(root);
    self.ready();
    for (int i = 0; i < 50; ++i) own.volumes.create("v" + std::to_string(i), {});
    return true;
  });
  other.wait_until_ready();
  TestVolumes test(root);
  for (int i = 0; i < 50; ++i) {
    test.volumes.create("v" + std::to_string(i), {});
    CHECK(fs::is_directory(test.volumes.directory("v" + std::to_string(i))));
  }
  CHECK(other.succeeded());
  CHECK(test.volumes.list().size() == 50);
}
