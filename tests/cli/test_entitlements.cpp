// slipway build --allow: which values it takes, and what a Dockerfile may not do without it.
#include "../cache/temporary_folder.hpp"
#include "program.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

// Of a graph that is printed, so nothing is run and no rights are needed.
class Context {
 public:
  explicit Context(const std::string& run) {
    folder_.write("Dockerfile", "FROM scratch\n" + run + "\n");
  }
  std::string complaint(std::vector<std::string> flags) const {
    std::vector<std::string> words{"--root", (folder_.path() / "state").string(), "build"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.insert(words.end(), {"--print=graph", folder_.path().string()});
    const Outcome outcome = run_slipway(words);
    CHECK(outcome.status == (outcome.err.empty() ? 0 : 1));
    return outcome.err;
  }

 private:
  TemporaryFolder folder_;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("host network and no sandbox need their entitlement, each its own") {
  const Context context("RUN --network=host --security=insecure push");
  const std::string all = context.complaint({});
  CHECK(has(all, "Dockerfile:2:15: error: RUN --network=host is not allowed in this build\n"));
  CHECK(has(all, "hint: --allow network.host "));
  CHECK(has(all, "Dockerfile:2:31: error: RUN --security=insecure is not allowed in this build\n"));
  CHECK(has(all, "hint: --allow security.insecure "));

  const std::string security = context.complaint({"--allow", "network.host"});
  CHECK_FALSE(has(security, "--network=host is not"));
  CHECK(has(security, "--security=insecure is not"));
  CHECK(context.complaint({"--allow=network.host", "--allow", "security.insecure"}).empty());
}

TEST_CASE("who gives --network=host has allowed it") {
  CHECK(Context("RUN push").complaint({"--network=host"}).empty());
  CHECK(Context("RUN --network=host push").complaint({"--network=host"}).empty());
  CHECK_FALSE(Context("RUN --network=host push").complaint({"--network=none"}).empty());
  CHECK_FALSE(Context("RUN --security=insecure push").complaint({"--network=host"}).empty());
}

TEST_CASE("an unknown entitlement, network or security mode is refused") {
  const Context context("RUN make");
  CHECK(context.complaint({"--allow", "network.hots"}) ==
        "error: --allow does not know \"network.hots\"\nhint: did you mean \"network.host\"?\n");
  CHECK(has(context.complaint({"--allow", "insecure"}), "hint: network.host, security.insecure or"));
  // As buildx: a comma belongs to the value.
  CHECK(has(context.complaint({"--allow", "network.host,security.insecure"}),
            "hint: give --allow once for each entitlement"));
  CHECK(has(context.complaint({"--allow", "network.host=yes"}), "does not know"));
  CHECK(has(context.complaint({"--allow", "device=a.com/b=c,alais=d"}), "alais=d"));
  CHECK(has(context.complaint({"--allow", "device="}), "names no device"));
  CHECK(context.complaint({"--allow", "", "--allow", "device", "--allow", "device=a.com/b=c,alias=d"})
            .empty());
  CHECK(has(context.complaint({"--network", "hots"}), "did you mean \"host\"?"));
  CHECK(has(Context("RUN --security=insecrue make").complaint({}), "did you mean \"insecure\"?"));
  CHECK(has(Context("RUN --network=hots make").complaint({}), "did you mean \"host\"?"));
}

TEST_CASE("a look at a Dockerfile needs no entitlement") {
  TemporaryFolder folder;
  folder.write("Dockerfile", "FROM scratch\nRUN --security=insecure [\"make\"]\n");
  const auto path = folder.path().string();
  const Outcome outline = run_slipway({"build", "--call=outline", path});
  CHECK(outline.err == "");
  CHECK(outline.status == 0);
  CHECK(run_slipway({"build", "--check", path}).status == 0);
}
