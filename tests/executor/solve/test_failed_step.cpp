// What a failed RUN leaves: kept until the next build of the same place, seen by nobody else.
#include "test_build.hpp"

#include <cache/failed_steps.hpp>
#include <cache/fsck.hpp>

#include <condition_variable>
#include <mutex>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

// The trees in failed/.
std::vector<fs::path> kept(Store& store) {
  std::vector<fs::path> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(store.state().root() / "failed", none)) {
    found.push_back(entry.path());
  }
  return found;
}

void teach(FakeRunner& runner) {
  runner.on("prepare", [](FakeStep& step) {
    step.write("/tool", "compiler");
    step.write("/old", "old");
    return 0;
  });
  runner.on("make", [](FakeStep& step) {
    step.write("/half", "done");
    step.remove("/old");
    return 2;
  });
}

const std::string failing = "FROM scratch\nRUN prepare\nRUN make\n";

// Runs a program in the failed step to its end.
int run_in(FailedStep& step, const std::string& command) {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<int> status;
  const auto process = step.start(
      {"/bin/sh", "-c", command}, {"TERM=vt100"}, {30, 100}, [](const std::string&) {},
      [&](RunResult result) {
        const std::lock_guard lock(mutex);
        status = result.exit_code;
        changed.notify_all();
      });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return status.has_value(); });
  return *status;
}

}  // namespace

TEST_CASE("what a failed step left is kept until the next build of the same place") {
  TestBuild build;
  teach(build.runner);
  CHECK_THROWS_AS(build.solve(failing), Error);
  build.reopen();
  REQUIRE(kept(build.store()).size() == 1);
  CHECK(fs::exists(kept(build.store())[0] / "upper/half"));
  CHECK(build.store().images().list().empty());
  CHECK(check_store(build.store().state().root(), false).problems.empty());

  // Another place is another matter.
  TestBuildOptions elsewhere;
  elsewhere.target = "other";
  build.solve("FROM scratch AS other\nRUN prepare\n", elsewhere);
  CHECK(kept(build.store()).size() == 1);

  // A second failure takes the place of the first.
  build.runner.on("make", [](FakeStep& step) {
    step.write("/more", "done");
    return 2;
  });
  CHECK_THROWS_AS(build.solve(failing), Error);
  REQUIRE(kept(build.store()).size() == 1);
  CHECK(fs::exists(kept(build.store())[0] / "upper/more"));
  CHECK_FALSE(fs::exists(kept(build.store())[0] / "upper/half"));

  build.runner.on("make", [](FakeStep&) { return 0; });
  build.solve(failing);
  CHECK(kept(build.store()).empty());
  // The step was run, and not taken from what was kept.
  CHECK(build.file("more") == std::nullopt);
}

TEST_CASE("the files of a failed step are those below with what it did to them") {
  TestBuild build;
  teach(build.runner);
  int calls = 0;
  build.failed = [&](FailedStep& step, const Error& error) {
    ++calls;
    CHECK(std::string(error.what()).find("exit code: 2") != std::string::npos);
    CHECK(step.vertex().name.find("RUN make") != std::string::npos);
    const StackView files = step.files();
    CHECK(files.find("tool").has_value());
    CHECK(files.find("half").has_value());
    CHECK(files.list("") == std::vector<std::string>{"half", "tool"});
  };
  CHECK_THROWS_AS(build.solve(failing), Error);
  CHECK(calls == 1);
}

TEST_CASE("a program can be run where the step failed, with its mounts and environment") {
  TestBuild build;
  build.secrets["key"] = "sesame";
  build.context().write("notes", "from the context");
  build.runner.on("make", [](FakeStep& step) {
    step.write("/half", "done");
    return 2;
  });
  build.runner.on("look", [](FakeStep& step) {
    const RunProcess& run = step.operation();
    CHECK(run.working_directory == "/src");
    CHECK(run.user == "builder");
    CHECK(run.environment.front() ==
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    CHECK(run.environment.back() == "TERM=vt100");
    CHECK(step.request().terminal->columns == 100);
    REQUIRE(step.request().mounts.size() == 3);
    CHECK(step.request().mounts[0].directory.has_value());
    CHECK(fs::exists(*step.request().mounts[1].directory / "notes"));
    CHECK(step.request().mounts[2].secret == "sesame");
    CHECK(step.read("/half") == "done");
    step.write("/seen", "yes");
    return 5;
  });
  build.failed = [](FailedStep& step, const Error&) {
    CHECK(run_in(step, "look") == 5);
    CHECK(run_in(step, "look") == 5);
    CHECK(step.files().find("seen").has_value());
  };
  CHECK_THROWS_WITH_AS(
      build.solve("FROM scratch\nWORKDIR /src\nENV A=b\nUSER builder\n"
                  "RUN --mount=type=cache,target=/cache,sharing=locked --mount=target=/context "
                  "--mount=type=secret,id=key make\n"),
      "process \"/bin/sh -c make\" did not complete successfully: exit code: 2", Error);
}

TEST_CASE("a step that could not be started is kept, too") {
  TestBuild build;
  teach(build.runner);
  build.runner.refuse("make", "there is no make");
  int calls = 0;
  build.failed = [&](FailedStep& step, const Error&) {
    ++calls;
    CHECK(step.files().list("") == std::vector<std::string>{"old", "tool"});
  };
  CHECK_THROWS_WITH_AS(build.solve(failing), "there is no make", Error);
  CHECK(calls == 1);
}

TEST_CASE("of several failures the first one is kept, when the rest has ended") {
  TestBuild build;
  build.runner.on("early", [](FakeStep& step) {
    step.write("/early", "");
    return 1;
  });
  build.runner.on("late", [](FakeStep& step) {
    step.sleep(std::chrono::milliseconds(100));
    step.write("/late", "");
    return 1;
  });
  TestBuildOptions options;
  options.keep_going = true;
  build.failed = [](FailedStep& step, const Error& error) {
    CHECK(error.diagnostics().size() == 2);
    CHECK(step.files().list("") == std::vector<std::string>{"early"});
  };
  CHECK_THROWS_AS(build.solve("FROM scratch AS a\nRUN early\nFROM scratch AS b\nRUN late\n"
                              "FROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\n",
                              options),
                  Error);
  CHECK(kept(build.store()).size() == 1);
}

TEST_CASE("a build that fails on something else keeps nothing") {
  TestBuild build;
  teach(build.runner);
  build.failed = [](FailedStep&, const Error&) { FAIL("no RUN has failed"); };
  CHECK_THROWS_AS(build.solve("FROM scratch\nRUN prepare\nCOPY missing /\n"), Error);
  CHECK(kept(build.store()).empty());
}

TEST_CASE("a tree that one process looks into is not taken away by another") {
  TestBuild build;
  teach(build.runner);
  build.failed = [&](FailedStep& step, const Error&) {
    // What another process would do at the begin of its build, and at its failure.
    Store other(build.store().state().root());
    other.failed_steps().forget(build.place());
    CHECK(kept(build.store()).size() == 1);
    const Staging staging = other.layers().stage();
    CHECK_FALSE(other.failed_steps().keep(build.place(), staging, "RUN other", {}).has_value());
    CHECK(fs::exists(staging.upper()));
    CHECK(step.files().find("half").has_value());
  };
  CHECK_THROWS_AS(build.solve(failing), Error);
  // Nobody is looking any more.
  build.store().failed_steps().forget(build.place());
  CHECK(kept(build.store()).empty());
}

TEST_CASE("fsck drops a kept tree that has lost a layer, and what is none") {
  TestBuild build;
  teach(build.runner);
  CHECK_THROWS_AS(build.solve(failing), Error);
  Store& store = build.store();
  const fs::path root = store.state().root();
  fs::create_directories(root / "failed/stranger");
  CHECK(check_store(root, true).problems.size() == 1);
  CHECK(kept(store).size() == 1);

  std::ofstream(kept(store)[0] / "step")
      << R"({"layers": ["sha256:)" << std::string(64, 'a') << R"("]})";
  CHECK(check_store(root, false).problems.size() == 1);
  CHECK(check_store(root, true).problems.size() == 1);
  CHECK(kept(store).empty());
  CHECK(check_store(root, false).problems.empty());
}
