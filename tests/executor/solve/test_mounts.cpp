// Cache mounts that are elsewhere: asked for once, before the step that wants them, and in nobody's
// way.
#include "test_build.hpp"

#include <executor/solve/cache_mounts.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

using namespace slipway;

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// What the step has mounted says what is in it.
std::string names_in_mount(FakeStep& step, std::size_t mount = 0) {
  std::vector<std::string> names;
  for (const auto& entry :
       fs::directory_iterator(step.request().mounts.at(mount).directory.value()))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) text += name + " ";
  return text;
}

void teach(FakeRunner& runner, const std::string& command) {
  runner.on(command, [command](FakeStep& step) {
    step.write("/" + command, names_in_mount(step));
    std::ofstream(step.request().mounts.at(0).directory.value() / command) << "x";
    return 0;
  });
}

// Gives every mount one file, and keeps what it was asked for.
struct Elsewhere {
  std::mutex mutex;  // guards `asked`: steps ask from threads of their own
  std::vector<std::string> asked;
  void operator()(const std::string& id, const fs::path& directory) {
    const std::lock_guard lock(mutex);
    asked.push_back(id);
    if (id == "nowhere") return;
    const fs::path aside = directory.string() + ".aside";
    fs::create_directory(aside);
    std::ofstream(aside / "imported") << id;
    fs::rename(aside, directory);
  }
};

}  // namespace

TEST_CASE("a cache mount that is not here is asked for, once, and the step finds it") {
  TestBuild build;
  Elsewhere elsewhere;
  build.import_mount = [&](const auto& id, const auto& directory, const auto&) {
    elsewhere(id, directory);
  };
  teach(build.runner, "one");
  teach(build.runner, "two");
  build.solve(
      "FROM scratch\n"
      "RUN --mount=type=cache,id=go,target=/cache one\n"
      "RUN --mount=type=cache,id=go,target=/cache two\n");
  CHECK(elsewhere.asked == std::vector<std::string>{"go"});
  CHECK(build.file("one") == "imported ");
  CHECK(build.file("two") == "imported one ");
  CHECK(used_cache_mounts(build.lowered->graph, build.result) == std::vector<std::string>{"go"});
  CHECK(fs::exists(cache_mount_directory(build.store().state(), "go") / "two"));
}

TEST_CASE("a step whose result is known asks for nothing") {
  TestBuild build;
  teach(build.runner, "one");
  const std::string dockerfile = "FROM scratch\nRUN --mount=type=cache,target=/cache one\n";
  build.solve(dockerfile);
  fs::remove_all(cache_mount_directory(build.store().state(), "/cache"));
  Elsewhere elsewhere;
  build.import_mount = [&](const auto& id, const auto& directory, const auto&) {
    elsewhere(id, directory);
  };
  CHECK(build.solve(dockerfile).empty());
  CHECK(elsewhere.asked.empty());
  // It is used all the same, so it would be exported if it were here.
  CHECK(used_cache_mounts(build.lowered->graph, build.result) ==
        std::vector<std::string>{"/cache"});
}

TEST_CASE("what is nowhere begins empty, or as from= says") {
  TestBuild build;
  Elsewhere elsewhere;
  build.import_mount = [&](const auto& id, const auto& directory, const auto&) {
    elsewhere(id, directory);
  };
  build.context().write("seed/planted", "x");
  teach(build.runner, "one");
  teach(build.runner, "two");
  build.solve(
      "FROM scratch AS seeds\nCOPY seed /seed\n"
      "FROM scratch\n"
      "RUN --mount=type=cache,id=nowhere,from=seeds,source=/seed,target=/cache one\n"
      "RUN --mount=type=cache,id=else,from=seeds,source=/seed,target=/cache two\n");
  CHECK(build.file("one") == "planted ");
  CHECK(build.file("two") == "imported ");  // what others have made of it counts more
}

TEST_CASE("steps wait for their own mounts, and not for those of others") {
  TestBuild build;
  std::atomic<bool> other_ran = false;
  build.import_mount = [&](const auto&, const auto&, const std::function<bool()>& cancelled) {
    while (!other_ran && !cancelled()) std::this_thread::sleep_for(1ms);
  };
  teach(build.runner, "one");
  build.runner.on("other", [&](FakeStep& step) {
    step.write("/other", "x");
    other_ran = true;
    return 0;
  });
  build.solve(
      "FROM scratch AS a\nRUN --mount=type=cache,target=/cache one\n"
      "FROM scratch AS b\nRUN other\n"
      "FROM scratch\nCOPY --from=a /one /\nCOPY --from=b /other /\n",
      {.max_parallelism = 1});
  CHECK(build.file("one") == "");
}

TEST_CASE("a failure elsewhere ends the waiting") {
  TestBuild build;
  std::atomic<bool> waiting = false;
  build.import_mount = [&](const auto&, const auto&, const std::function<bool()>& cancelled) {
    waiting = true;
    while (!cancelled()) std::this_thread::sleep_for(1ms);
  };
  teach(build.runner, "one");
  build.runner.on("fail", [&](FakeStep&) {
    while (!waiting) std::this_thread::sleep_for(1ms);
    return 1;
  });
  CHECK_THROWS_AS(build.solve("FROM scratch AS a\nRUN --mount=type=cache,target=/cache one\n"
                              "FROM scratch AS b\nRUN fail\n"
                              "FROM scratch\nCOPY --from=a /one /\nCOPY --from=b /x /\n"),
                  Error);
}

TEST_CASE("a mount that a locked step has cannot be had, and afterwards it can") {
  TestBuild build;
  build.runner.on("one", [&](FakeStep& step) {
    step.write("/one", CacheMountLock::attempt(build.store().state(), "locked") ? "free" : "held");
    step.write("/two", CacheMountLock::attempt(build.store().state(), "own") ? "free" : "held");
    return 0;
  });
  build.solve(
      "FROM scratch\nRUN --mount=type=cache,id=locked,sharing=locked,target=/a "
      "--mount=type=cache,id=own,sharing=private,target=/b one\n");
  CHECK(build.file("one") == "held");
  CHECK(build.file("two") == "held");
  CHECK(CacheMountLock::attempt(build.store().state(), "locked"));
  CHECK(CacheMountLock::attempt(build.store().state(), "own"));
}
