// One Dockerfile for several platforms: one graph, in which what they share is there once.
#include "dockerfiles.hpp"

#include <ir/dump.hpp>
#include <ir/lower.hpp>

#include <doctest/doctest.h>

#include <algorithm>

using namespace slipway;
using namespace slipway::testing;

namespace {

using Lines = std::vector<std::string>;

const Platform amd64{"linux", "amd64", ""};
const Platform arm64{"linux", "arm64", ""};
const Platform armv7{"linux", "arm", "v7"};

LowerOptions several() {
  LowerOptions options = amd64_options();
  options.show_platforms = true;
  return options;
}

// FROM --platform=$BUILDPLATFORM
DockerfileBuilder& from_build_platform(DockerfileBuilder& file, const char* image,
                                       const char* alias) {
  file.from(word(image), alias);
  file.get().stages.back().from.platform =
      placed(word({variable("BUILDPLATFORM")}, "$BUILDPLATFORM"));
  return file;
}

// Their names, sorted, a line each.
std::string steps(const Graph& graph) {
  Lines names;
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    if (!graph[VertexId{i}].name.starts_with("FROM")) names.push_back(graph[VertexId{i}].name);
  }
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  return text;
}

}  // namespace

TEST_CASE("each platform has its own base and steps, and its config says which it is") {
  DockerfileBuilder file;
  file.from(word("base"), "app").run("make");
  ImageShelf shelf;
  shelf.put("base");
  const LoweredPlatforms both =
      lower_platforms(file.get(), several(), {amd64, arm64}, shelf.resolver());
  REQUIRE(both.images.size() == 2);
  CHECK(both.images[0].root != both.images[1].root);
  CHECK(both.images[0].config.platform == amd64);
  CHECK(both.images[1].config.platform == arm64);
  CHECK(both.images[1].platform == arm64);
  CHECK(steps(both.graph) ==
        "[linux/amd64 1/2] FROM docker.io/library/base\n"
        "[linux/amd64 2/2] RUN make\n"
        "[linux/arm64 1/2] FROM docker.io/library/base\n"
        "[linux/arm64 2/2] RUN make\n");
  // Steps of one stage are found again by platform.
  CHECK(both.graph[both.images[1].root].stage == "app for linux/arm64");
}

TEST_CASE("a stage on the build platform is there once for all, until it asks for the target") {
  DockerfileBuilder file;
  from_build_platform(file, "base", "tools").run("fetch").arg("TARGETARCH").run("cross-compile");
  file.from(word("base")).copy({word("/out")}, word("/"), word("tools"));
  ImageShelf shelf;
  shelf.put("base");
  const LoweredPlatforms both =
      lower_platforms(file.get(), several(), {amd64, arm64}, shelf.resolver());
  CHECK(steps(both.graph) ==
        "[linux/amd64 stage-1 2/2] COPY\n"
        "[linux/amd64 tools 1/3] FROM docker.io/library/base\n"
        "[linux/amd64 tools 2/3] RUN fetch\n"
        "[linux/amd64 tools 3/3] RUN cross-compile\n"
        "[linux/amd64->arm64 tools 3/3] RUN cross-compile\n"
        "[linux/arm64 stage-1 1/2] FROM docker.io/library/base\n"
        "[linux/arm64 stage-1 2/2] COPY\n");
  // Every image was asked for once.
  CHECK(shelf.asked.size() == 2);
}

TEST_CASE("what does not depend on the platform is one vertex for all of them") {
  DockerfileBuilder file;
  file.from(word("scratch")).copy({word("data")}, word("/"));
  ImageShelf shelf;
  const LoweredPlatforms all =
      lower_platforms(file.get(), several(), {amd64, arm64, armv7}, shelf.resolver());
  CHECK(all.images[0].root == all.images[1].root);
  CHECK(all.images[1].root == all.images[2].root);
  CHECK(all.images[2].config.platform == armv7);
}

TEST_CASE("one platform gives what lower() gives") {
  DockerfileBuilder file;
  file.from(word("base"), "app").arg("TARGETPLATFORM").run("make");
  ImageShelf shelf;
  shelf.put("base");
  const LowerOptions options = amd64_options();
  const Lowered one = lower(file.get(), options, shelf.resolver());
  CHECK(dump(lower_platforms(file.get(), options, {amd64}, shelf.resolver())) == dump(one));
  CHECK(dump_dot(lower_platforms(file.get(), options, {amd64}, shelf.resolver())) == dump_dot(one));
}

TEST_CASE("the dump of several platforms shows the graph once and each image") {
  DockerfileBuilder file;
  file.from(word("scratch")).copy({word("data")}, word("/"));
  ImageShelf shelf;
  const std::string text =
      dump(lower_platforms(file.get(), several(), {amd64, arm64}, shelf.resolver()));
  CHECK(text.find("for linux/amd64\nroot #") != std::string::npos);
  CHECK(text.find("for linux/arm64\nroot #") != std::string::npos);
  CHECK(text.find("] COPY") == text.rfind("] COPY"));
}
