// Images of several platforms: built, kept, shown, written, and read by other people's tools.
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

using namespace slipway;

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// A base that runs here, one that is only copied into, and what each has of the target.
const char* const dockerfile =
    "FROM --platform=$BUILDPLATFORM busybox AS tools\n"
    "RUN echo made once > /once\n"
    "ARG TARGETPLATFORM TARGETARCH TARGETVARIANT\n"
    "RUN echo \"$TARGETPLATFORM $TARGETARCH $TARGETVARIANT\" > /target\n"
    "FROM scratch\n"
    "COPY data /data\n"
    "COPY --from=tools /once /target /\n";

Json json_of(const Finished& finished) {
  INFO(finished.err);
  REQUIRE(finished.status == 0);
  return Json::parse(finished.out);
}

Json metadata_of(const Workshop& workshop, const std::vector<std::string>& flags, Built& built) {
  const fs::path file = workshop.folder() / "metadata.json";
  std::vector<std::string> words{"build", "--progress=plain", "--metadata-file", file.string()};
  words.insert(words.end(), flags.begin(), flags.end());
  words.push_back(workshop.context().string());
  const Finished finished = workshop.slipway(words);
  built.status = finished.status;
  built.log = finished.err;
  INFO(built.log);
  REQUIRE(built.status == 0);
  return Json::parse(read(file));
}

}  // namespace

TEST_CASE("several platforms are built in one graph, and what they share is run once") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", dockerfile);
  workshop.write("data", "data\n");
  Built built;
  const Json metadata = metadata_of(
      workshop, {"-t", "app:1", "--platform", "linux/amd64,linux/arm64", "--platform=linux/arm/v7"},
      built);
  std::size_t once = 0;
  std::size_t targets = 0;
  std::size_t copies = 0;
  for (const auto& step : metadata["slipway.cache"]["steps"]) {
    const std::string name = step["name"];
    once += name.find("RUN echo made once") != std::string::npos;
    targets += name.find("> /target") != std::string::npos;
    copies += name.find("COPY data") != std::string::npos;
  }
  CHECK(once == 1);
  CHECK(targets == 3);
  CHECK(copies == 1);
  CHECK(built.log.find("[linux/amd64->arm/v7 tools") != std::string::npos);

  // The tag names the index; its images are those of the platforms.
  CHECK_FALSE(metadata.contains("containerimage.config.digest"));
  const std::string index = metadata["containerimage.digest"];
  CHECK(metadata["slipway.images"].size() == 3);
  const Json shown = json_of(workshop.slipway({"inspect", "app:1"}))[0];
  CHECK(shown["Id"] == index);
  CHECK(shown["RepoTags"] == Json::array({"app:1"}));
  REQUIRE(shown["Manifests"].size() == 3);
  CHECK(shown["Manifests"][2]["ImageData"]["Platform"]["variant"] == "v7");
  CHECK(shown["Manifests"][2]["ID"] == metadata["slipway.images"]["linux/arm/v7"]);
  const Json arm = json_of(workshop.slipway({"inspect", "--platform=linux/arm64", "app:1"}))[0];
  CHECK(arm["Architecture"] == "arm64");
  CHECK(workshop.slipway({"inspect", "--platform=linux/s390x", "app:1"}).err.find("linux/arm64") !=
        std::string::npos);
  const std::string images = workshop.slipway({"images", "--no-trunc"}).out;
  CHECK(images.find(index) != std::string::npos);
  CHECK(images.find("<none>") == std::string::npos);
  CHECK(workshop.slipway({"history", "app:1"}).status == 0);
  CHECK(workshop.slipway({"fsck"}).status == 0);

  // A stage can stand on it, on each platform.
  workshop.write("Dockerfile", "FROM app:1\nCOPY data /more\n");
  const Finished next = workshop.slipway(
      {"build", "-t", "next", "--platform=linux/arm64", workshop.context().string()});
  CHECK(next.status == 0);
  CHECK(json_of(workshop.slipway({"inspect", "next"}))[0]["Architecture"] == "arm64");

  const Finished removed = workshop.slipway({"rmi", "app:1"});
  CHECK(removed.out.find("Deleted: " + index) != std::string::npos);
  CHECK(workshop.slipway({"fsck"}).status == 0);
}

TEST_CASE("an OCI layout holds an index, which skopeo reads by platform") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", dockerfile);
  workshop.write("data", "data\n");
  const fs::path layout = workshop.folder() / "layout";
  const fs::path iidfile = workshop.folder() / "iid";
  Built built;
  const Json metadata =
      metadata_of(workshop,
                  {"-t", "app:1", "--platform=linux/amd64,linux/arm64", "--iidfile",
                   iidfile.string(), "-o", "type=oci,tar=false,dest=" + layout.string()},
                  built);
  const Json index = Json::parse(read(layout / "index.json"));
  REQUIRE(index["manifests"].size() == 1);
  CHECK(index["manifests"][0]["mediaType"] == "application/vnd.oci.image.index.v1+json");
  CHECK(index["manifests"][0]["digest"] == metadata["containerimage.digest"]);
  CHECK(metadata["containerimage.descriptor"]["size"] == index["manifests"][0]["size"]);
  CHECK(read(iidfile) == metadata["containerimage.digest"]);

  for (const char* architecture : {"amd64", "arm64"}) {
    const Json config = Json::parse(
        output_of({"skopeo", "inspect", "--config", std::string("--override-arch=") + architecture,
                   "oci:" + layout.string() + ":1"}));
    CHECK(config["architecture"] == architecture);
  }
  // And slipway itself, as a base.
  workshop.write("Dockerfile", "FROM base\nCOPY data /more\n");
  const Finished next =
      workshop.slipway({"build", "-t", "next", "--platform=linux/arm64", "--build-context",
                        "base=oci-layout://" + layout.string(), workshop.context().string()});
  INFO(next.err);
  CHECK(next.status == 0);
  const Finished none =
      workshop.slipway({"build", "--platform=linux/s390x", "--build-context",
                        "base=oci-layout://" + layout.string(), workshop.context().string()});
  CHECK(none.status == 1);
  CHECK(none.err.find("linux/s390x") != std::string::npos);
  CHECK(none.err.find("linux/amd64, linux/arm64") != std::string::npos);
}

TEST_CASE("a saved image of several platforms has them all") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", dockerfile);
  workshop.write("data", "data\n");
  Built built;
  metadata_of(workshop, {"-t", "app:1", "--platform=linux/amd64,linux/arm64"}, built);
  const fs::path archive = workshop.folder() / "app.tar";
  REQUIRE(workshop.slipway({"save", "-o", archive.string(), "app:1"}).status == 0);
  const Json inspected = Json::parse(
      output_of({"skopeo", "inspect", "--raw", "oci-archive:" + archive.string() + ":1"}));
  CHECK(inspected["manifests"].size() == 2);
  // Whoever knows no platforms gets this machine's.
  CHECK(Json::parse(output_of({"skopeo", "inspect", "--config",
                               "docker-archive:" + archive.string()}))["architecture"] == "amd64");
}

TEST_CASE("the files of each platform are in a directory of their own") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", dockerfile);
  workshop.write("data", "data\n");
  const fs::path out = workshop.folder() / "out";
  Built built;
  metadata_of(workshop, {"--platform=linux/amd64,linux/arm/v7", "-o", out.string()}, built);
  CHECK(read(out / "linux_amd64/target") == "linux/amd64 amd64 \n");
  CHECK(read(out / "linux_arm_v7/target") == "linux/arm/v7 arm v7\n");
  CHECK(read(out / "linux_arm_v7/data") == "data\n");
  CHECK_FALSE(fs::exists(out / "data"));
}

TEST_CASE("a base image that is here for another platform only is said to be") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  // No registry answers in a test.
  REQUIRE(workshop.slipway({"tag", "busybox", "127.0.0.1:1/busybox"}).status == 0);
  workshop.write("Dockerfile", "FROM 127.0.0.1:1/busybox\n");
  const Finished refused =
      workshop.slipway({"build", "--platform=linux/s390x", workshop.context().string()});
  CHECK(refused.status == 1);
  CHECK(refused.err.find("the store has it for linux/amd64, not for linux/s390x") !=
        std::string::npos);
}

TEST_CASE("docker's archive has no place for several platforms, which is said before the build") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", dockerfile);
  const Finished refused = workshop.slipway(
      {"build", "--platform=linux/amd64,linux/arm64", "-o",
       "type=docker,dest=" + (workshop.folder() / "x.tar").string(), workshop.context().string()});
  CHECK(refused.status == 1);
  CHECK(refused.err.find("type=oci") != std::string::npos);
  CHECK(refused.err.find("RUN") == std::string::npos);
}
