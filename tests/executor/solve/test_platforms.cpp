// Several platforms in one solve: what they share runs once, what they do not runs beside it.
#include "test_build.hpp"

using namespace slipway;

namespace {

const Platform other_platform{"linux", "s390x", ""};

std::vector<Platform> both() {
  return {host_platform(), other_platform};
}

// An image without layers, for both.
void add_base(TestBuild& build) {
  std::vector<Digest> images;
  for (const Platform& platform : both()) {
    ImageConfig config;
    config.platform = platform;
    images.push_back(build.store().images().put(write_image_config(config)));
  }
  build.store().images().tag(parse_reference("base"), build.store().images().put_index(images));
}

}  // namespace

TEST_CASE("a stage on the build platform runs once, the others once a platform") {
  TestBuild build;
  build.runner.on("generate", [](FakeStep& step) {
    step.write("/generated", "text");
    return 0;
  });
  build.runner.on("compile", [](FakeStep& step) {
    step.write("/app", "for " + step.operation().platform.text());
    return 0;
  });
  const std::string dockerfile =
      "FROM --platform=$BUILDPLATFORM base AS tools\nRUN generate\n"
      "FROM base\nCOPY --from=tools /generated /\nRUN compile\n";
  add_base(build);
  build.solve_for(both(), dockerfile);
  CHECK(build.runner.ran().size() == 3);
  CHECK(build.file("app", 0) == "for " + host_platform().text());
  CHECK(build.file("app", 1) == "for " + other_platform.text());
  CHECK(build.file("generated", 1) == "text");

  build.runner.forget();
  CHECK(build.solve_for(both(), dockerfile).empty());
  CHECK(build.runner.ran().empty());
}

TEST_CASE("files that are copied are one step and one layer for all platforms") {
  TestBuild build;
  build.context().write("data", "the same everywhere");
  CHECK(build.solve_for(both(), "FROM scratch\nCOPY data /\n") == Steps{"COPY data /"});
  REQUIRE(build.result.roots.size() == 2);
  CHECK(build.result.roots[0].layers == build.result.roots[1].layers);

  // Also one after the other: the key of a COPY has no platform in it.
  CHECK(build.solve_for({other_platform}, "FROM scratch\nCOPY data /\n").empty());
}

TEST_CASE("a RUN is another step on another platform") {
  TestBuild build;
  build.runner.on("make", [](FakeStep& step) {
    step.write("/made", "here");
    return 0;
  });
  CHECK(build.solve_for({host_platform()}, "FROM scratch\nRUN make\n") == Steps{"RUN make"});
  CHECK(build.solve_for({other_platform}, "FROM scratch\nRUN make\n") == Steps{"RUN make"});
  CHECK(build.solve_for(both(), "FROM scratch\nRUN make\n").empty());
}

TEST_CASE("steps of different platforms run beside each other") {
  TestBuild build;
  build.runner.on("slow", [](FakeStep& step) {
    step.sleep(std::chrono::milliseconds(100));
    step.write("/slept", "well");
    return 0;
  });
  build.solve_for(both(), "FROM scratch\nRUN slow\n");
  CHECK(build.runner.most_at_once() == 2);
}

TEST_CASE("a failure on one platform fails the build, and the other's steps are kept") {
  TestBuild build;
  build.runner.on("picky", [](FakeStep& step) {
    if (step.operation().platform == other_platform) return 1;
    step.write("/made", "here");
    return 0;
  });
  TestBuildOptions options;
  options.keep_going = true;
  CHECK_THROWS_AS(build.solve_for(both(), "FROM scratch\nRUN picky\n", options), Error);
  CHECK(build.solve_for({host_platform()}, "FROM scratch\nRUN picky\n").empty());
}
