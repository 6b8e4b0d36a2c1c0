#include "test_build.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <chrono>

using namespace slipway;

namespace {

// Commands that make a file named by their last word from what they read.
void teach_compiler(FakeRunner& runner) {
  runner.on("prepare", [](FakeStep& step) {
    step.write("/tool", "compiler");
    return 0;
  });
  runner.on("cc app.c", [](FakeStep& step) {
    step.write("/app", "compiled: " + step.read("/app.c").value_or("nothing"));
    return 0;
  });
}

const std::string compile = "FROM scratch\nRUN prepare\nCOPY app.c /\nRUN cc app.c\n";

}  // namespace

TEST_CASE("a second build with nothing changed runs nothing and gives the same layers") {
  TestBuild build;
  teach_compiler(build.runner);
  build.context().write("app.c", "int main() {}");
  CHECK(build.solve(compile) == Steps{"RUN prepare", "COPY app.c /", "RUN cc app.c"});
  const SolveResult first = build.result;
  CHECK(build.file("app") == "compiled: int main() {}");

  CHECK(build.solve(compile).empty());
  CHECK(build.result.layers == first.layers);
  CHECK(build.result.created == first.created);
  CHECK(build.runner.ran().size() == 2);
}

TEST_CASE("a store that was closed and opened again has all of it") {
  TestBuild build;
  teach_compiler(build.runner);
  build.context().write("app.c", "int main() {}");
  build.solve(compile);
  build.reopen();
  CHECK(build.solve(compile).empty());
}

TEST_CASE("an edited context file reruns its COPY and what follows, nothing else") {
  TestBuild build;
  teach_compiler(build.runner);
  build.context().write("app.c", "int main() {}");
  build.solve(compile);

  build.context().write("app.c", "int main() { return 1; }");
  CHECK(build.solve(compile) == Steps{"COPY app.c /", "RUN cc app.c"});
  CHECK(build.file("app") == "compiled: int main() { return 1; }");
  CHECK(build.reason("COPY app.c /") == "app.c: content");
  CHECK(build.reason("RUN cc app.c").find("input [") == 0);

  build.context().write("app.c", "int main() {}");
  CHECK(build.solve(compile).empty());
}

TEST_CASE("a touched file changes nothing, another mode does") {
  TestBuild build;
  teach_compiler(build.runner);
  build.context().write("app.c", "int main() {}");
  build.solve(compile);
  build.context().touch("app.c");
  CHECK(build.solve(compile).empty());

  build.context().write("app.c", "int main() {}", 0600);
  CHECK(build.solve(compile) == Steps{"COPY app.c /", "RUN cc app.c"});
  CHECK(build.reason("COPY app.c /") == "app.c: mode (0644 -> 0600)");
}

TEST_CASE("a step that gives the same files as before keeps its layer and its dependents' hits") {
  TestBuild build;
  build.runner.on("prepare", [](FakeStep& step) {
    step.write("/tool", "compiler");
    return 0;
  });
  build.runner.on("prepare again", [](FakeStep& step) {
    step.write("/tool", "compiler");
    return 0;
  });
  build.runner.on("use tool", [](FakeStep& step) {
    step.write("/out", "made");
    return 0;
  });
  build.solve("FROM scratch\nRUN prepare\nRUN use tool\n");
  const LayerStack layers = build.result.layers;

  SUBCASE("after an edited command") {
    CHECK(build.solve("FROM scratch\nRUN prepare again\nRUN use tool\n") ==
          Steps{"RUN prepare again"});
    CHECK(build.reason("RUN prepare again") == "command changed");
  }
  SUBCASE("after --no-cache of its stage alone") {
    TestBuildOptions options;
    options.no_cache = true;
    CHECK(build.solve("FROM scratch\nRUN prepare\nRUN use tool\n", options).size() == 2);
    CHECK(build.reason("RUN prepare") == "excluded by --no-cache");
  }
  CHECK(build.result.layers == layers);
}

TEST_CASE("files of the context that turn out to be known leave nothing behind") {
  TestBuild build;
  const auto check_out = [&build] {
    build.context().remove("src");
    for (int i = 0; i < 40; ++i)
      build.context().write("src/f" + std::to_string(i), std::string(20'000, 'x'));
  };
  const auto left = [&build] {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             build.store().state().root() / "work"))
      files += entry.is_regular_file() ? 1 : 0;
    return files;
  };
  const std::string first = "FROM scratch\nCOPY src /a/\n";
  check_out();
  build.solve(first);
  const LayerStack layers = build.result.layers;
  CHECK(build.file("a/f7") == std::string(20'000, 'x'));

  SUBCASE("checked out anew, they are hashed and not copied") {
    check_out();
    CHECK(build.solve(first).empty());
  }
  SUBCASE("behind another instruction, they are copied first") {
    build.solve("FROM scratch\nCOPY src /b/\n");
    check_out();
    CHECK(build.solve(first).empty());
  }
  SUBCASE("and without the cache they are the same layer again") {
    check_out();
    TestBuildOptions options;
    options.no_cache = true;
    CHECK(build.solve(first, options) == Steps{"COPY src /a/"});
  }
  CHECK(build.result.layers == layers);
  CHECK(left() == 0);
}

TEST_CASE("COPY --from depends on the files it takes, not on the stage that made them") {
  TestBuild build;
  int version = 1;
  build.runner.on("make all", [&](FakeStep& step) {
    step.write("/out/app", "the same");
    step.write("/log", "build number " + std::to_string(version));
    return 0;
  });
  build.context().write("src", "1");
  const std::string dockerfile =
      "FROM scratch AS build\nCOPY src /\nRUN make all\n"
      "FROM scratch\nCOPY --from=build /out/app /app\n";
  build.solve(dockerfile);
  const LayerStack layers = build.result.layers;

  version = 2;
  build.context().write("src", "2");
  CHECK(build.solve(dockerfile) == Steps{"COPY src /", "RUN make all"});
  CHECK(build.result.layers == layers);
}

TEST_CASE("a stage that the target does not need never runs") {
  TestBuild build;
  build.runner.on("build it", [](FakeStep&) { return 0; });
  build.runner.on("test it", [](FakeStep&) { return 1; });
  const std::string dockerfile =
      "FROM scratch AS build\nRUN build it\nFROM build AS test\nRUN test it\nFROM build\n";
  CHECK(build.solve(dockerfile) == Steps{"RUN build it"});
  CHECK(build.runner.ran() == std::vector<std::string>{"build it"});
}

TEST_CASE("a failure names its instruction and its last output, and keeps what was finished") {
  TestBuild build;
  teach_compiler(build.runner);
  build.runner.on("fail", [](FakeStep& step) {
    step.print("one\n");
    step.print_error("two\n");
    return 3;
  });
  try {
    build.solve("FROM scratch\nRUN prepare\nRUN fail\n");
    FAIL("the build must fail");
  } catch (const Error& error) {
    REQUIRE(error.diagnostics().size() == 1);
    const Diagnostic& diagnostic = error.diagnostics().front();
    CHECK(diagnostic.message.find("exit code: 3") != std::string::npos);
    CHECK(diagnostic.span.line == 3);
    CHECK(diagnostic.detail.find("one\n") != std::string::npos);
    CHECK(diagnostic.detail.find("two\n") != std::string::npos);
  }
  CHECK(build.solve("FROM scratch\nRUN prepare\n").empty());
}

TEST_CASE("the first failure ends the steps that run beside it") {
  TestBuild build;
  std::atomic<bool> slept_well = false;
  build.runner.on("sleep long", [&](FakeStep& step) {
    slept_well = step.sleep(std::chrono::minutes(2));
    return 0;
  });
  build.runner.on("fail", [](FakeStep&) { return 1; });
  const std::string dockerfile =
      "FROM scratch AS one\nRUN sleep long\nFROM scratch AS two\nRUN fail\n"
      "FROM scratch\nCOPY --from=one / /\nCOPY --from=two / /\n";
  CHECK_THROWS_AS(build.solve(dockerfile), Error);
  CHECK_FALSE(slept_well);
}

TEST_CASE("with keep_going only what needs the failed step is left out") {
  TestBuild build;
  build.runner.on("work", [](FakeStep& step) {
    step.sleep(std::chrono::milliseconds(30));
    step.write("/one", "done");
    return 0;
  });
  build.runner.on("fail", [](FakeStep&) { return 1; });
  const std::string dockerfile =
      "FROM scratch AS one\nRUN work\nFROM scratch AS two\nRUN fail\n"
      "FROM scratch\nCOPY --from=one / /\nCOPY --from=two / /\n";
  TestBuildOptions options;
  options.keep_going = true;
  CHECK_THROWS_AS(build.solve(dockerfile, options), Error);
  options.target = "one";
  CHECK(build.solve(dockerfile, options).empty());
}

TEST_CASE("stages that sleep sleep beside each other") {
  TestBuild build;
  std::string dockerfile;
  std::string copies = "FROM scratch\n";
  for (int i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i);
    build.runner.on("sleep " + n, [n](FakeStep& step) {
      step.sleep(std::chrono::milliseconds(50));
      step.write("/slept" + n, n);
      return 0;
    });
    dockerfile += "FROM scratch AS s" + n + "\nRUN sleep " + n + "\n";
    copies += "COPY --from=s" + n + " /slept" + n + " /\n";
  }
  TestBuildOptions options;
  options.max_parallelism = 6;
  build.solve(dockerfile + copies, options);
  CHECK(build.runner.most_at_once() == 6);
  CHECK(build.file("slept5") == "5");
}

TEST_CASE("no more processes run at once than were asked for") {
  TestBuild build;
  std::string dockerfile;
  std::string copies = "FROM scratch\n";
  for (int i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i);
    build.runner.on("sleep " + n, [](FakeStep& step) {
      step.sleep(std::chrono::milliseconds(10));
      return 0;
    });
    dockerfile += "FROM scratch AS s" + n + "\nRUN sleep " + n + "\n";
    copies += "COPY --from=s" + n + " / /\n";
  }
  TestBuildOptions options;
  options.max_parallelism = 2;
  build.solve(dockerfile + copies, options);
  CHECK(build.runner.most_at_once() == 2);
}

TEST_CASE("a step that started early is stopped when its key turns out to be known") {
  TestBuild build;
  // Gives the same files whatever it is called, so the second build's RUN use can be a hit; it
  // starts before that is known.
  const auto make = [](FakeStep& step) {
    step.write("/data", "same");
    return 0;
  };
  build.runner.on("make", make);
  build.runner.on("make it", make);
  build.runner.on("use", [](FakeStep& step) {
    step.sleep(std::chrono::milliseconds(20));
    step.write("/used", step.read("/data").value_or("none"));
    return 0;
  });
  build.solve("FROM scratch\nRUN make\nRUN use\n");
  CHECK(build.solve("FROM scratch\nRUN make it\nRUN use\n") == Steps{"RUN make it"});
  CHECK(build.file("used") == "same");
}

TEST_CASE("--link makes a layer that outlives a change below it") {
  TestBuild build;
  build.runner.on("base 1", [](FakeStep& step) {
    step.write("/base", "1");
    return 0;
  });
  build.runner.on("base 2", [](FakeStep& step) {
    step.write("/base", "2");
    return 0;
  });
  build.context().write("file", "linked");
  build.solve("FROM scratch\nRUN base 1\nCOPY --link file /\n");
  const DiffId linked = build.result.layers.back().diff_id;
  CHECK(build.solve("FROM scratch\nRUN base 2\nCOPY --link file /\n") == Steps{"RUN base 2"});
  CHECK(build.result.layers.back().diff_id == linked);
  CHECK(build.file("base") == "2");
  CHECK(build.file("file") == "linked");
}

TEST_CASE("an argument that a step can see is part of its key, a label is not") {
  TestBuild build;
  build.runner.on("echo", [](FakeStep&) { return 0; });
  const std::string dockerfile = "FROM scratch\nARG WHO=me\nLABEL a=b\nRUN echo\n";
  build.solve(dockerfile);
  CHECK(build.solve("FROM scratch\nARG WHO=me\nLABEL a=c\nRUN echo\n").empty());
  TestBuildOptions options;
  options.build_args["WHO"] = "you";
  CHECK(build.solve(dockerfile, options) == Steps{"RUN echo"});
  CHECK(build.reason("RUN echo").find("WHO") != std::string::npos);
}

TEST_CASE("a directory that no instruction takes is never opened") {
  TestBuild build;
  build.context().write("package.json", "{}");
  build.context().write("src/main.c", "int main() {}");
  build.context().write("node_modules/left-pad/index.js", "");
  build.context().write("tools/gen", "");
  const int watch = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  REQUIRE(watch >= 0);
  for (const char* directory : {"node_modules", "node_modules/left-pad"})
    REQUIRE(::inotify_add_watch(watch, (build.context().path() / directory).c_str(),
                                IN_OPEN | IN_ACCESS) >= 0);
  const auto opened = [&] {
    alignas(inotify_event) char events[4096];
    return ::read(watch, events, sizeof events) > 0;
  };
  build.runner.on("make", [](FakeStep&) { return 0; });
  const std::string dockerfile =
      "FROM scratch\nCOPY package.json .\nCOPY src/ .\n"
      "RUN --mount=type=bind,source=tools,target=/tools make\n";
  build.solve(dockerfile);
  CHECK_FALSE(opened());
  build.solve(dockerfile);
  CHECK_FALSE(opened());
  // That the watch sees it.
  build.solve("FROM scratch\nCOPY . .\n");
  CHECK(opened());
  ::close(watch);
}

TEST_CASE("a missing source is an error at its line, with nothing run") {
  TestBuild build;
  build.context().write("main.c", "");
  try {
    build.solve("FROM scratch\nCOPY mian.c /\n");
    FAIL("the build must fail");
  } catch (const Error& error) {
    CHECK(error.diagnostics().front().span.line == 2);
    CHECK(std::string(error.what()).find("mian.c") != std::string::npos);
  }
}
