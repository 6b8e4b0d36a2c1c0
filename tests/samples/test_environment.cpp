// What a build is given by its surroundings: proxies and the time of its sources.
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("proxies are there for RUN, and nowhere in the image, its history or the cache") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "ENV no_proxy=of-the-image\n"
                 "RUN test \"$HTTP_PROXY\" = \"http://u:$(echo Pa)55@p\" && test $http_proxy = $HTTP_PROXY\n"
                 "RUN test \"$no_proxy\" = of-the-flag\n");
  const std::string proxy = "http://u:Pa55@p";
  const auto build = [&](const std::string& value) {
    return workshop.build({"-t", "proxied", "--build-arg", "HTTP_PROXY=" + value, "--build-arg",
                           "no_proxy=of-the-flag"});
  };
  const Built first = build(proxy);
  INFO(first.log);
  REQUIRE(first.status == 0);
  // Another proxy is no reason to run anything.
  const Built second = build("http://elsewhere");
  CHECK(second.hits == 2);
  CHECK(second.image == first.image);
  const Finished history = workshop.slipway({"history", "--no-trunc", "proxied"});
  const Finished inspect = workshop.slipway({"inspect", "proxied"});
  CHECK_FALSE(has(history.out + inspect.out, "Pa55"));
  CHECK(has(inspect.out, "no_proxy=of-the-image"));
  for (const auto& entry : fs::recursive_directory_iterator(workshop.root())) {
    if (entry.is_regular_file() && !entry.is_symlink())
      CHECK_FALSE(has(read(entry.path()), "u:Pa55@p"));
  }
}

TEST_CASE("the time of the sources comes from the environment, and RUN has it where it is declared") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN test -z \"$SOURCE_DATE_EPOCH\"\n"
                 "ARG SOURCE_DATE_EPOCH\n"
                 "RUN test \"$SOURCE_DATE_EPOCH\" = 1000000000\n");
  const auto build = [&](const std::string& epoch, const std::vector<std::string>& flags) {
    std::vector<std::string> words{SLIPWAY_PROGRAM, "build", "-t", "dated"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.push_back(workshop.context().string());
    return run(words, {{"SLIPWAY_ROOT", workshop.root().string()}, {"SOURCE_DATE_EPOCH", epoch}});
  };
  const Finished dated = build("1000000000", {});
  INFO(dated.err);
  REQUIRE(dated.status == 0);
  CHECK(has(workshop.slipway({"inspect", "dated"}).out, "2001-09-09T01:46:40Z"));
  // A flag wins over the environment.
  CHECK(build("5", {"--build-arg", "SOURCE_DATE_EPOCH=1000000000"}).status == 0);
  CHECK(build("5", {}).status == 1);
}
