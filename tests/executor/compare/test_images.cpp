// Two images: which layer brought, changed or removed what.
#include "../solve/test_build.hpp"

#include <executor/compare/images.hpp>

using namespace slipway;

namespace {

// "2:+new 2:~changed 1!-old": the layer, the side (":" the second image's), and the change.
std::string text_of(const std::vector<LayerDifferences>& layers) {
  std::string text;
  for (const LayerDifferences& layer : layers)
    for (const FileDifference& file : layer.files)
      text += (text.empty() ? "" : " ") + std::to_string(layer.layer + 1) +
              (layer.side == LayerDifferences::Side::first ? "!" : ":") +
              (!file.was ? "+"
               : file.is ? "~"
                         : "-") +
              file.path;
  return text;
}

}  // namespace

TEST_CASE("what is added, changed and removed is the layer's that did it") {
  TestBuild build;
  build.runner.on("rm", [](FakeStep& step) {
    step.remove("/base/old");
    step.write("/base/grown", "much longer");
    return 0;
  });
  build.context().write("base/old", "12345");
  build.context().write("base/kept", "k");
  build.context().write("base/grown", "short");
  build.context().write("new", "new");
  const std::string base = "FROM scratch\nCOPY base /base\n";
  build.solve(base);
  const LayerStack first = build.result.layers;
  build.solve(base + "COPY new /\nRUN rm\n");
  const LayerStack second = build.result.layers;

  const auto grown = compare_images(build.store(), first, second);
  CHECK(text_of(grown) == "2:+new 3:~base/grown 3:-base/old");
  REQUIRE(grown.size() == 2);
  CHECK(grown[0].growth() == 3);
  CHECK(grown[1].growth() == 6 - 5);
  CHECK(compare_images(build.store(), first, first).empty());
  // The other way round nothing removed them but that the layer is missing.
  CHECK(text_of(compare_images(build.store(), second, first)) ==
        "1:~base/grown 1:+base/old 2!-new");
}

TEST_CASE("a file that is gone with its layer is told by the first image's layer") {
  TestBuild build;
  build.context().write("a", "a");
  build.context().write("b", "b");
  build.solve("FROM scratch\nCOPY a /\nCOPY b /\n");
  const LayerStack both = build.result.layers;
  build.solve("FROM scratch\nCOPY b /\n");
  CHECK(text_of(compare_images(build.store(), both, build.result.layers)) == "1!-a");
  CHECK(text_of(compare_images(build.store(), {}, both)) == "1:+a 2:+b");
  CHECK(text_of(compare_images(build.store(), both, {})) == "1!-a 2!-b");
}
