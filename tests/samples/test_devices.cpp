// RUN --device with CDI specifications of the test's own.
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct DeviceWorkshop : Workshop {
  DeviceWorkshop() {
    fs::create_directory(folder() / "cdi");
    std::ofstream(folder() / "cdi/vendor1.json") << R"({
      "cdiVersion": "0.6.0", "kind": "vendor1.com/device", "devices": [
        {"name": "foo", "containerEdits": {"env": ["FOO=injected"]},
         "annotations": {"org.mobyproject.buildkit.device.autoallow": "true"}},
        {"name": "full", "containerEdits": {"env": ["FULL=injected"],
         "deviceNodes": [{"path": "/dev/filled", "hostPath": "/dev/full"}]},
         "annotations": {"org.mobyproject.buildkit.device.class": "class1"}}]})";
  }
  Finished build_with(std::vector<std::string> flags) const {
    std::vector<std::string> words{SLIPWAY_PROGRAM, "build", "--progress=plain"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.push_back(context().string());
    return run(words, {{"SLIPWAY_ROOT", root().string()},
                       {"SLIPWAY_CDI_DIRS", (folder() / "cdi").string()}});
  }
};

}  // namespace

// As BuildKit's own test of devices has it.
TEST_CASE("a device that its specification allows is injected, one that is absent left out") {
  SKIP_UNLESS_ROOT();
  const DeviceWorkshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN --device=vendor1.com/device=foo,required --device=vendor2.com/device=bar "
                 "env | grep FOO=injected\n");
  const Finished built = workshop.build_with({});
  INFO(built.err);
  CHECK(built.status == 0);
}

TEST_CASE("a device that is not allowed is told at its flag, before anything runs") {
  SKIP_UNLESS_ROOT();
  const DeviceWorkshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN echo first\n"
                 "RUN --device=class1 test -c /dev/filled && test \"$FULL\" = injected\n"
                 "RUN --device=vendor1.com/none,required true\n");
  const Finished refused = workshop.build_with({});
  CHECK(refused.status == 1);
  CHECK(has(refused.err,
            "Dockerfile:3:14: error: device \"vendor1.com/device=full\" is not allowed in this"));
  CHECK(has(refused.err, "hint: --allow device=vendor1.com/device=full "));
  CHECK(has(refused.err,
            "Dockerfile:4:14: error: device \"vendor1.com/none\" is not registered on this"));
  CHECK_FALSE(has(refused.err, "] RUN"));

  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN --device=class1 test -c /dev/filled && test \"$FULL\" = injected\n"
                 "RUN test ! -e /dev/filled && test -z \"$FULL\"\n");
  for (const char* grant : {"device", "device=class1", "device=vendor1.com/device=full",
                            "device=vendor1.com/device=*"}) {
    CAPTURE(grant);
    const Finished built = workshop.build_with({"--no-cache", "--allow", grant});
    INFO(built.err);
    CHECK(built.status == 0);
  }
  CHECK(workshop.build_with({"--allow", "device=vendor1.com/device=foo"}).status == 1);

  workshop.write("Dockerfile", "FROM busybox\nRUN --device=gpu,required test -c /dev/filled\n");
  CHECK(workshop.build_with({"--allow", "device=vendor1.com/device=full,alias=gpu"}).status == 0);
}
