#include "machines.hpp"

#include <chrono>

using namespace slipway;

TEST_CASE_TEMPLATE("the same Dockerfile, fake and real: built, built again, edited", Machine,
                   FakeMachine, RealMachine) {
  TestMachine<Machine> machine;
  if (!machine.ready()) return;
  TestBuild& build = machine.build;
  build.context().write("app.c", "int main() {}\n");
  const std::string dockerfile = machine.base() +
                                 "RUN echo compiler > /cc\nCOPY app.c /\n"
                                 "RUN cat /cc /app.c > /app\n";
  CHECK(build.solve(dockerfile).size() == 5);
  CHECK(build.file("app") == "compiler\nint main() {}\n");
  const LayerStack layers = build.result.layers;

  CHECK(build.solve(dockerfile).empty());
  CHECK(build.result.layers == layers);

  build.context().write("app.c", "int main() { return 1; }\n");
  CHECK(build.solve(dockerfile) == Steps{"COPY app.c /", "RUN cat /cc /app.c > /app"});
  CHECK(build.file("app") == "compiler\nint main() { return 1; }\n");
}

TEST_CASE_TEMPLATE("a file that a step removes is gone, and its layer says so", Machine,
                   FakeMachine, RealMachine) {
  TestMachine<Machine> machine;
  if (!machine.ready()) return;
  TestBuild& build = machine.build;
  build.solve(machine.base() + "RUN echo secret > /note && mkdir /dir\nRUN rm /note\n");
  CHECK_FALSE(build.file("note"));
  const LayerIndex& index = *build.store().layers().index(build.result.layers.back().diff_id);
  REQUIRE(index.size() == 1);
  CHECK(index.entry(0).path == "note");
  CHECK(index.entry(0).type == Entry::Type::whiteout);
}

TEST_CASE_TEMPLATE("equal files keep the earlier layer, whatever command made them", Machine,
                   FakeMachine, RealMachine) {
  TestMachine<Machine> machine;
  if (!machine.ready()) return;
  TestBuild& build = machine.build;
  build.solve(machine.base() + "RUN echo tool > /tool\nRUN cat /tool > /out\n");
  const LayerStack layers = build.result.layers;
  CHECK(build.solve(machine.base() + "RUN true && echo tool > /tool\nRUN cat /tool > /out\n") ==
        Steps{"RUN true && echo tool > /tool"});
  CHECK(build.result.layers == layers);
}

TEST_CASE_TEMPLATE("a chain of steps sees all that was written before it", Machine, FakeMachine,
                   RealMachine) {
  TestMachine<Machine> machine;
  if (!machine.ready()) return;
  TestBuild& build = machine.build;
  std::string dockerfile = machine.base() + "RUN echo 0 > /0\n";
  std::string expected = "0\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "/" + std::to_string(i - 1);
    const std::string after = "/" + std::to_string(i);
    dockerfile += "RUN echo " + std::to_string(i) + " > /next && cat " + before + " /next > " +
                  after + " && rm /next\n";
    expected += std::to_string(i) + "\n";
  }
  build.solve(dockerfile);
  CHECK(build.file("11") == expected);
  CHECK_FALSE(build.file("next"));
  CHECK(build.solve(dockerfile).empty());
}

TEST_CASE_TEMPLATE("a failure ends what runs beside it, and says what it was", Machine,
                   FakeMachine, RealMachine) {
  TestMachine<Machine> machine;
  if (!machine.ready()) return;
  TestBuild& build = machine.build;
  build.solve(machine.base());
  const std::string dockerfile = machine.base() +
                                 "FROM base AS one\nRUN sleep 120\n"
                                 "FROM base AS two\nRUN echo broken && exit 3\n"
                                 "FROM scratch\nCOPY --from=one / /\nCOPY --from=two / /\n";
  const auto began = std::chrono::steady_clock::now();
  try {
    build.solve(dockerfile);
    FAIL("the build must fail");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("exit code: 3") != std::string::npos);
    CHECK(error.diagnostics().front().detail == "broken\n");
  }
  // Not a measurement: the sleeping step was ended, or this would have taken two minutes.
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::minutes(1));
}

TEST_CASE_TEMPLATE("COPY --from takes what a step made, by content", Machine, FakeMachine,
                   RealMachine) {
  TestMachine<Machine> machine;
  if (!machine.ready()) return;
  TestBuild& build = machine.build;
  const std::string ship = "FROM scratch\nCOPY --from=base /out/app /app\n";
  build.solve(machine.base() + "RUN mkdir /out && echo same > /out/app && echo 1 > /log\n" + ship);
  const LayerStack layers = build.result.layers;
  CHECK(build.solve(machine.base() +
                    "RUN mkdir /out && echo same > /out/app && echo 2 > /log\n" + ship)
            .size() == 1);
  CHECK(build.result.layers == layers);
  CHECK(build.file("app") == "same\n");
}

TEST_CASE_TEMPLATE("steps that change nothing share one empty layer, any number of times", Machine,
                   FakeMachine, RealMachine) {
  TestMachine<Machine> machine;
  if (!machine.ready()) return;
  TestBuild& build = machine.build;
  std::string dockerfile = machine.base();
  for (int i = 0; i < 8; ++i) dockerfile += "RUN echo " + std::to_string(i) + "\n";
  CHECK(build.solve(dockerfile).size() == 10);
  CHECK(build.result.layers.size() == 10);
  CHECK(build.result.layers[2].diff_id == build.result.layers[9].diff_id);
  CHECK(build.solve(dockerfile).empty());
}
