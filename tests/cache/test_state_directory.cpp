#include "child_process.hpp"
#include "temporary_folder.hpp"

#include <cache/state_directory.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <atomic>
#include <functional>
#include <set>
#include <thread>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a store is made where there is none, and found again") {
  TemporaryFolder folder;
  const fs::path root = folder / "deep/store";
  { StateDirectory state(root); }
  CHECK(names_in(root) ==
        std::set<std::string>{"blobs", "contexts", "layers", "locks", "version", "work"});
  struct stat status {};
  REQUIRE(::stat(root.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);

  fs::remove_all(root / "contexts");  // someone freed space by hand
  StateDirectory again(root);
  CHECK(fs::is_directory(again.contexts()));
}

TEST_CASE("a folder that holds other things does not become a store") {
  TemporaryFolder folder;
  folder.write("thesis.tex", "years of work");
  const std::string message = message_of([&] { StateDirectory state(folder.path()); });
  CHECK(message.find("neither empty nor a store") != message.npos);
  CHECK(message.find("thesis.tex") != message.npos);
  CHECK(names_in(folder.path()) == std::set<std::string>{"thesis.tex"});
}

TEST_CASE("a store that was killed while it was made is finished") {
  TemporaryFolder folder;
  fs::create_directory(folder / "layers");
  folder.write("version.new", "slip");
  StateDirectory state(folder.path());
  CHECK(folder.read("version") == "slipway 1\n");
}

TEST_CASE("another format is refused by its name") {
  TemporaryFolder folder;
  folder.write("version", "slipway 7\nand more");
  CHECK(message_of([&] { StateDirectory state(folder.path()); }).find("\"slipway 7\"") !=
        std::string::npos);
  folder.write("version", "");
  CHECK_THROWS_AS(StateDirectory(folder.path()), Error);
  folder.write("version", std::string(1000, '\x1b'));
  CHECK_THROWS_AS(StateDirectory(folder.path()), Error);
}

TEST_CASE("many processes that make one store at once all get it") {
  TemporaryFolder folder;
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < 8; ++i)
    children.push_back(std::make_unique<ChildProcess>([&](const ChildProcess&) {
      StateDirectory state(folder / "store");
      return fs::create_directory(state.fresh_work_path());
    }));
  for (const auto& child : children) CHECK(child->succeeded());
}

TEST_CASE("work of the dead is removed, of the living never") {
  TemporaryFolder folder;
  const auto begin_work = [&](const ChildProcess& self) {
    StateDirectory state(folder.path());
    fs::create_directories(state.fresh_work_path() / "upper/etc");
    self.ready();
    ::pause();
    return true;
  };
  { StateDirectory make(folder.path()); }
  ChildProcess living(begin_work);
  living.wait_until_ready();
  ChildProcess dying(begin_work);
  dying.wait_until_ready();
  CHECK(names_in(folder / "work").size() == 2);
  dying.kill();

  StateDirectory state(folder.path());
  CHECK(names_in(folder / "work").size() == 2);  // who writes nothing cleans nothing
  const fs::path own = state.fresh_work_path();
  CHECK_FALSE(fs::exists(own));
  CHECK(own != state.fresh_work_path());
  CHECK(names_in(folder / "work").size() == 2);  // the living one's, and ours
  CHECK(fs::exists(own.parent_path()));
}

TEST_CASE("what a process leaves in its work folder goes with it") {
  TemporaryFolder folder;
  {
    StateDirectory state(folder.path());
    fs::create_directories(state.fresh_work_path() / "tree");
  }
  CHECK(names_in(folder / "work").empty());
}

TEST_CASE("a lock excludes others until its scope, or its process, ends") {
  TemporaryFolder folder;
  StateDirectory state(folder.path());
  {
    const FileLock held = state.lock("step-1");
    CHECK_FALSE(state.try_lock("step-1"));
    CHECK(state.try_lock("step-2"));
  }
  CHECK(state.try_lock("step-1"));
  CHECK_THROWS_AS((void)state.lock("../escape"), Error);
  CHECK_THROWS_AS((void)state.lock(""), Error);

  ChildProcess other([&](const ChildProcess& self) {
    StateDirectory its(folder.path());
    const FileLock held = its.lock("step-1");
    self.ready();
    ::pause();
    return static_cast<bool>(held);
  });
  other.wait_until_ready();
  CHECK_FALSE(state.try_lock("step-1"));
  other.kill();
  CHECK(state.lock("step-1"));
}

TEST_CASE("threads that queue for one lock have it one at a time, and leave no file behind") {
  TemporaryFolder folder;
  StateDirectory state(folder.path());
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        const FileLock held = state.lock("narrow");
        if (const int now = ++inside; now > most) most = now;
        std::this_thread::yield();
        --inside;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(most == 1);
  CHECK(names_in(folder / "locks") == std::set<std::string>{"store"});
}

TEST_CASE("the default root follows --root's environment") {
  REQUIRE(::setenv("SLIPWAY_ROOT", "/somewhere/else", 1) == 0);
  CHECK(StateDirectory::default_root() == "/somewhere/else");
  REQUIRE(::unsetenv("SLIPWAY_ROOT") == 0);
  if (::geteuid() == 0) CHECK(StateDirectory::default_root() == "/var/lib/slipway");
}

TEST_CASE("a store is for the ids that its files were made with") {
  TemporaryFolder folder;
  {
    StateDirectory state(folder / "root");
    state.claim("uid 0:1000+1", OverlayMarks::user);
    state.claim("uid 0:1000+1", OverlayMarks::user);
  }
  StateDirectory state(folder / "root");
  state.claim("uid 0:1000+1", OverlayMarks::user);
  for (const char* others : {"uid 0:1000+1 uid 1:100000+65536", ""}) {
    CHECK(message_of([&] {
            state.claim(others, OverlayMarks::user);
          }).find("files of other user ids") != std::string::npos);
  }
  CHECK(message_of([&] {
          state.claim("", OverlayMarks::trusted);
        }).find("files of other user ids") != std::string::npos);
}

TEST_CASE("a store is for those who read the marks that its layers were made with") {
  TemporaryFolder folder;
  const auto refused = [](StateDirectory& state, OverlayMarks marks) {
    return message_of([&] { state.claim("", marks); });
  };
  SUBCASE("user.*, of a container without CAP_SYS_ADMIN") {
    StateDirectory(folder / "root").claim("", OverlayMarks::user);
    StateDirectory state(folder / "root");
    state.claim("", OverlayMarks::user);
    CHECK(refused(state, OverlayMarks::trusted).find("in user.* attributes") != std::string::npos);
  }
  SUBCASE("trusted.*, of root") {
    StateDirectory(folder / "root").claim("", OverlayMarks::trusted);
    StateDirectory state(folder / "root");
    state.claim("", OverlayMarks::trusted);
    CHECK(refused(state, OverlayMarks::user).find("in trusted.* attributes") != std::string::npos);
  }
  SUBCASE("trusted.*, of root before there was a word for it") {
    StateDirectory state(folder / "root");
    std::filesystem::create_directory(state.layers() / "one");
    CHECK(refused(state, OverlayMarks::user).find("in trusted.* attributes") != std::string::npos);
    state.claim("", OverlayMarks::trusted);
    CHECK(names_in(folder / "root").count("ids") == 0);
  }
}
