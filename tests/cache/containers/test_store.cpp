#include "../child_process.hpp"
#include "../store_fixture.hpp"
#include "../temporary_folder.hpp"

#include <cache/containers/store.hpp>
#include <cache/containers/volumes.hpp>
#include <cache/fsck.hpp>
#include <cache/room/room.hpp>
#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

struct TestContainers {
  explicit TestContainers(const fs::path& root)
      : state(root),
        database(state.root() / "slipway.db"),
        containers(state, database),
        volumes(state, database) {}

  Container make(std::string_view name, const ContainerConfig& config = {}) {
    return containers.create(name, sha256("image"), "app:1", {}, config);
  }
  void remove(const Container& container) {
    const auto lock = ContainerLock::attempt(containers.folder(container.id));
    REQUIRE(lock);
    containers.remove(container.id, *lock);
  }
  std::size_t count() const { return containers.list().size(); }

  StateDirectory state;
  Database database;
  ContainerStore containers;
  VolumeStore volumes;
};

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  if (fs::exists(folder))
    for (const auto& entry : fs::directory_iterator(folder))
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("a container is found as it was made, by ID, name, and the beginning of its ID") {
  TemporaryFolder folder;
  TestContainers test(folder / "state");
  const LayerRef below = add_layer(test.database, "below");
  const LayerRef above = add_layer(test.database, "above");
  ContainerConfig config;
  config.command = {"sleep", "1"};
  config.mounts = {{ContainerMount::Type::volume, "data", "/data", false, false, false, 0, 0}};
  test.volumes.create("data", {});
  const Container made =
      test.containers.create("web", sha256("image"), "app:1", {below, above}, config);
  CHECK(made.created > 0);
  for (const std::string& name : {made.id, std::string("web"), std::string("/web"),
                                  made.id.substr(0, 12), made.id.substr(0, 1)}) {
    CAPTURE(name);
    const Container found = test.containers.get(name);
    CHECK(found.id == made.id);
    CHECK(found.name == "web");
    CHECK(found.image == sha256("image"));
    CHECK(found.image_name == "app:1");
    CHECK(found.layers == LayerStack{below, above});
    CHECK(found.created == made.created);
    CHECK(found.config == config);
  }
  CHECK(test.volumes.users("data") == std::vector<std::string>{made.id});
  CHECK(names_in(test.containers.folder(made.id)) == std::vector<std::string>{"upper", "work"});
  struct stat status {};
  REQUIRE(::stat((test.state.root() / "containers").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0700);
  CHECK_FALSE(test.containers.find(made.id.substr(0, 12)).has_value());
  for (const char* name : {"", "wrong", "we", "g", "%", "*", "/"}) {
    CAPTURE(name);
    CHECK_THROWS_AS((void)test.containers.get(name), NoSuchContainer);
  }
}

TEST_CASE("an ID goes before a name, and of several beginnings none is taken") {
  TemporaryFolder folder;
  TestContainers test(folder / "state");
  const Container first = test.make("first");
  const Container second = test.make(first.id);
  CHECK(test.containers.get(first.id).name == "first");
  CHECK(test.containers.get(second.id).name == first.id);
  // Sixteen digits, seventeen more containers: two begin alike.
  for (int i = 0; i < 15; ++i) test.make("");
  bool several = false;
  for (const char digit : std::string("0123456789abcdef")) {
    std::size_t count = 0;
    for (const Container& container : test.containers.list())
      if (container.id.front() == digit) ++count;
    if (count < 2) continue;
    several = true;
    try {
      (void)test.containers.get(std::string(1, digit));
      FAIL("taken");
    } catch (const NoSuchContainer&) {
      FAIL("none");
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find("several") != std::string::npos);
    }
  }
  CHECK(several);
}

TEST_CASE("a name is given once, and an invented one is free") {
  TemporaryFolder folder;
  TestContainers test(folder / "state");
  const Container web = test.make("web");
  CHECK_THROWS_AS(test.make("web"), Error);
  CHECK_THROWS_AS(test.make("a/b"), Error);
  CHECK(test.count() == 1);
  const Container other = test.make("");
  CHECK(other.name.find('_') != other.name.npos);
  CHECK_THROWS_AS(test.containers.rename(other.id, "web"), Error);
  CHECK_THROWS_AS(test.containers.rename(other.id, "x"), Error);
  CHECK_THROWS_AS(test.containers.rename(std::string(64, '0'), "yes"), NoSuchContainer);
  test.containers.rename(other.id, "db");
  CHECK(test.containers.get("db").id == other.id);
  // What failed has left nothing.
  CHECK(names_in(test.state.root() / "containers").size() == 2);
  CHECK(names_in(test.state.own_work()).empty());
  std::vector<Container> all = test.containers.list();
  REQUIRE(all.size() == 2);
  CHECK(all.front().id == other.id);
}

TEST_CASE("processes that create at once get different names, or one of them the name") {
  TemporaryFolder folder;
  const fs::path root = folder / "state";
  { TestContainers(fs::path(root)); }
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < 4; ++i)
    children.push_back(std::make_unique<ChildProcess>([&](const ChildProcess&) {
      TestContainers own(root);
      for (int j = 0; j < 25; ++j) own.make("");
      try {
        own.make("the-one");
        return true;
      } catch (const Error&) {
        return false;
      }
    }));
  int got = 0;
  for (const auto& child : children) got += child->succeeded() ? 1 : 0;
  CHECK(got == 1);
  TestContainers test(root);
  CHECK(test.count() == 101);
  CHECK(names_in(root / "containers").size() == 101);
}

TEST_CASE("a container is removed with its folder, and who wanted its lock hears of it") {
  TemporaryFolder folder;
  TestContainers test(folder / "state");
  const Container web = test.make("web");
  const fs::path path = test.containers.folder(web.id);
  fs::create_directories(path / "upper/a/b");
  {
    const auto lock = ContainerLock::attempt(path);
    REQUIRE(lock);
    test.containers.remove(web.id, *lock);
  }
  CHECK_FALSE(fs::exists(path));
  CHECK(test.count() == 0);
  CHECK_THROWS_AS((void)ContainerLock::attempt(path), NoSuchContainer);
  CHECK(names_in(test.state.own_work()).empty());
}

TEST_CASE("of a container of lost layers nothing is made") {
  TemporaryFolder folder;
  TestContainers test(folder / "state");
  const LayerRef layer = add_layer(test.database, "layer");
  remove_layer(test.database, layer);
  CHECK_THROWS_AS(test.containers.create("web", sha256("image"), "app", {layer}, {}), Error);
  CHECK(test.count() == 0);
  CHECK(names_in(test.state.root() / "containers").empty());
}

TEST_CASE("of a container of lost volumes nothing is made") {
  TemporaryFolder folder;
  TestContainers test(folder / "state");
  ContainerConfig config;
  config.mounts = {{ContainerMount::Type::volume, "data", "/data", false, false, false, 0, 0}};
  test.volumes.create("data", {});
  test.volumes.remove("data");
  CHECK_THROWS_WITH_AS(test.make("web", config), doctest::Contains("has just been removed"), Error);
  CHECK(test.count() == 0);
  CHECK(names_in(test.state.root() / "containers").empty());
  test.volumes.create("data", {});
  CHECK_NOTHROW(test.make("web", config));
}

TEST_CASE("a process that is killed while it creates and removes leaves whole containers or none") {
  TemporaryFolder folder;
  const fs::path root = folder / "state";
  { TestContainers(fs::path(root)); }
  for (int round = 0; round < 20; ++round) {
    ChildProcess child([&](const ChildProcess& self) {
      TestContainers own(root);
      self.ready();
      for (;;) {
        const Container container = own.make("");
        if (own.count() > 3) own.remove(own.containers.list().back());
      }
      return true;
    });
    child.wait_until_ready();
    ::usleep(static_cast<useconds_t>(1000 * round));
    child.kill();
    TestContainers test(root);
    for (const Container& container : test.containers.list())
      CHECK(names_in(test.containers.folder(container.id)).size() >= 2);
  }
  TestContainers test(root);
  test.containers.sweep();
  CHECK(names_in(root / "containers").size() == test.count());
}

TEST_CASE("what the killed have left is swept, but not what somebody answers for") {
  TemporaryFolder folder;
  TestContainers test(folder / "state");
  const Container web = test.make("web");
  const fs::path containers = test.state.root() / "containers";
  const std::string left(64, 'a');
  const std::string held(64, 'b');
  fs::create_directories(containers / left / "upper/deep");
  fs::create_directories(containers / held / "upper");
  fs::create_directories(containers / "not-ours");
  {
    const auto lock = ContainerLock::attempt(containers / held);
    test.containers.sweep();
    CHECK(names_in(containers).size() == 3);
    CHECK_FALSE(fs::exists(containers / left));
  }
  test.containers.sweep();
  CHECK_FALSE(fs::exists(containers / held));
  CHECK(fs::exists(test.containers.folder(web.id) / "upper"));
}

TEST_CASE("a container without its folder is listed, and can be removed") {
  TemporaryFolder folder;
  TestContainers test(folder / "state");
  const Container web = test.make("web");
  fs::remove_all(test.containers.folder(web.id));
  CHECK(test.count() == 1);
  CHECK(test.containers.state(web.id).status == ContainerStatus::created);
  test.containers.make_missing_folder(web.id);
  CHECK(names_in(test.containers.folder(web.id)).size() == 2);
  test.remove(web);
  test.containers.make_missing_folder(web.id);
  CHECK_FALSE(fs::exists(test.containers.folder(web.id)));
}

TEST_CASE("fsck names what a container has lost, and removes nothing of it") {
  TemporaryFolder folder;
  const fs::path root = folder / "state";
  std::string web;
  {
    TestContainers test(root);
    const LayerRef layer = add_layer(test.database, "layer");
    ContainerConfig config;
    config.mounts = {{ContainerMount::Type::volume, "lost", "/data", false, false, false, 0, 0}};
    test.volumes.create("lost", {});
    web = test.containers.create("web", sha256("image"), "app:1", {layer}, config).id;
    Query(test.database, "DELETE FROM volumes WHERE name = 'lost'").run();
    fs::remove_all(root / "volumes/lost");
    remove_layer(test.database, layer);
    std::ofstream(test.containers.folder(web) / "upper/precious") << "data";
    const Container damaged = test.make("damaged");
    Query(test.database, "UPDATE containers SET config = x'ff' WHERE id = ?")
        .bind(damaged.id)
        .run();
    CHECK_THROWS_AS((void)test.containers.get("damaged"), Error);
    const Container empty = test.make("empty");
    fs::remove_all(test.containers.folder(empty.id));
    fs::create_directories(root / "containers" / std::string(64, 'a'));
    fs::create_directories(root / "volumes/nothing/_data");
    fs::create_directories(root / "volumes/found/_data");
    std::ofstream(root / "volumes/found/_data/precious") << "data";
    test.volumes.create("gone", {});
    fs::remove_all(root / "volumes/gone");
    CHECK_NOTHROW(test.volumes.create("good", {}));
  }
  const auto says = [](const StoreCheck& check, std::string_view text) {
    return std::any_of(check.problems.begin(), check.problems.end(),
                       [&](const std::string& each) { return each.find(text) != each.npos; });
  };
  for (const bool repair : {false, true}) {
    const StoreCheck check = check_store(root, repair);
    CAPTURE(repair);
    CHECK(check.containers == 3);
    CHECK(check.problems.size() == 8);
    CHECK(says(check, "(web): the layer sha256:"));
    CHECK(says(check, "\"app:1\""));
    CHECK(says(check, "(web): the volume \"lost\""));
    CHECK(says(check, "(damaged): a container's config in the store is damaged"));
    CHECK(says(check, "(empty): its own files are gone"));
    CHECK(says(check, std::string(64, 'a')));
    CHECK(says(check, "nothing\" belongs to nothing"));
    CHECK(says(check, "found\" has files"));
    CHECK(says(check, "volume \"gone\": its files are gone"));
  }
  // Only the layer can not be made again here.
  const StoreCheck again = check_store(root, true);
  CHECK(again.problems.size() == 1);
  CHECK(says(again, "(web): the layer"));
  CHECK(fs::exists(root / "containers" / web / "upper/precious"));
  CHECK(fs::exists(root / "volumes/found/_data/precious"));
  TestContainers test(root);
  CHECK(test.count() == 3);
  CHECK(test.volumes.find("found"));
}
