// How a build's layers leave: with other times, as one, into a registry, with annotations.
#include "registry.hpp"
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>

using namespace slipway;

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// The layers of an OCI layout's one image, and what its index and manifest say.
struct Layout {
  fs::path folder;
  Json blob(const Json& descriptor) const {
    return Json::parse(
        read(folder / "blobs/sha256" / descriptor.at("digest").get<std::string>().substr(7)));
  }
  Json root() const { return Json::parse(read(folder / "index.json")).at("manifests").at(0); }
  Json manifest() const { return blob(root()); }
  Json config() const { return blob(manifest().at("config")); }
};

Layout build_layout(const Workshop& workshop, const std::string& fields,
                    const std::vector<std::string>& flags = {}) {
  static int made = 0;
  const fs::path folder = workshop.folder() / ("layout" + std::to_string(++made));
  std::vector<std::string> all = {
      "-o", "type=oci,tar=false,dest=" + folder.string() + (fields.empty() ? "" : "," + fields)};
  all.insert(all.end(), flags.begin(), flags.end());
  const Built built = workshop.build(all);
  INFO(built.log);
  REQUIRE(built.status == 0);
  return {folder};
}

Json manifest_in(const Registry& registry, const std::string& image) {
  return Json::parse(output_of({"skopeo", "inspect", "--raw", "--tls-verify=false",
                                "docker://" + registry.name(image)}));
}

}  // namespace

TEST_CASE("with rewritten times two clean machines make the same image, also of RUN layers") {
  SKIP_UNLESS_ROOT();
  const std::string fields = "rewrite-timestamp=true";
  std::set<std::string> roots;
  std::set<std::string> plain;
  for (int machine = 0; machine < 2; ++machine) {
    Workshop workshop;
    workshop.write("Dockerfile",
                   "FROM busybox\nCOPY a.txt /\nRUN mkdir /made && date > /dev/null && "
                   "echo same > /made/file && rm /a.txt && touch -d @1000000000 /made/old\n");
    workshop.write("a.txt", "a");
    if (machine == 1) std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    const std::vector<std::string> flags = {"--build-arg", "SOURCE_DATE_EPOCH=1500000000"};
    const Layout layout = build_layout(workshop, fields, flags);
    roots.insert(layout.root().at("digest"));
    plain.insert(build_layout(workshop, "", flags).root().at("digest"));
    // The base image's layers are those that others have of it.
    const Json base = Json::parse(workshop.slipway({"inspect", "busybox"}).out);
    CHECK(layout.config().at("rootfs").at("diff_ids").at(0) ==
          base.at(0).at("RootFS").at("Layers").at(0));
  }
  CHECK(roots.size() == 1);
  CHECK(plain.size() == 2);
}

TEST_CASE("a squashed image has the same files in fewer layers, and the cache stays per step") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\nRUN mkdir /made && echo 1 > /made/one && rm /bin/ar\n"
                 "RUN rm /made/one && echo 2 > /made/two\nRUN touch /made/three\nENV A=b\n");
  REQUIRE(workshop.build().status == 0);
  const fs::path plain = workshop.files_of(workshop.context());
  const std::size_t base = Json::parse(workshop.slipway({"inspect", "busybox"}).out)
                               .at(0)
                               .at("RootFS")
                               .at("Layers")
                               .size();
  for (const std::string squash : {"base", "all"}) {
    CAPTURE(squash);
    const Built built =
        workshop.build({"-t", "squashed:" + squash, "-o", "type=image,squash=" + squash});
    INFO(built.log);
    REQUIRE(built.status == 0);
    CHECK(built.misses == 0);
    const Json image = Json::parse(workshop.slipway({"inspect", "squashed:" + squash}).out).at(0);
    CHECK(image.at("RootFS").at("Layers").size() == (squash == "base" ? base + 1 : 1));
    CHECK(image.at("Config").at("Env").dump().find("A=b") != std::string::npos);
    // Its files, by way of a build that only takes them.
    const fs::path other = workshop.folder() / ("from-" + squash);
    fs::create_directory(other);
    std::ofstream(other / "Dockerfile") << "FROM squashed:" << squash << "\n";
    CHECK(fingerprint(workshop.files_of(other)) == fingerprint(plain));
  }
}

TEST_CASE("a build is pushed with its annotations, in the compression that was asked for") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  const Registry registry(workshop.folder());
  workshop.write("Dockerfile", "FROM busybox\nCOPY Dockerfile /\n");
  const Built built =
      workshop.build({"-t", registry.name("app:1"), "--push", "--annotation", "key=value",
                      "--annotation", "manifest[linux/amd64]:own=1", "--platform", "linux/amd64",
                      "-o", "type=image,compression=zstd,force-compression=true"});
  INFO(built.log);
  REQUIRE(built.status == 0);
  Json manifest = manifest_in(registry, "app:1");
  CHECK(manifest.at("annotations") == Json{{"key", "value"}, {"own", "1"}});
  for (const Json& layer : manifest.at("layers")) {
    CHECK(layer.at("mediaType") == "application/vnd.oci.image.layer.v1.tar+zstd");
  }
  CHECK(manifest.at("config").at("digest") == built.image);

  const Built docker =
      workshop.build({"-o", "type=registry,oci-mediatypes=false,name=" + registry.name("app:2")});
  INFO(docker.log);
  REQUIRE(docker.status == 0);
  manifest = manifest_in(registry, "app:2");
  CHECK(manifest.at("mediaType") == "application/vnd.docker.distribution.manifest.v2+json");

  // By digest alone it has no name there.
  const Built unnamed =
      workshop.build({"-t", registry.name("app:3"), "-o", "type=registry,push-by-digest=true"});
  INFO(unnamed.log);
  REQUIRE(unnamed.status == 0);
  CHECK(run({"skopeo", "inspect", "--raw", "--tls-verify=false",
             "docker://" + registry.name("app:3")})
            .status != 0);

  const Finished several = workshop.slipway(
      {"build", "-t", registry.name("app:4"), "--push", "--build-arg", "BUILDKIT_MULTI_PLATFORM=1",
       "--annotation", "index,index-descriptor:i=1", workshop.context().string()});
  INFO(several.err);
  REQUIRE(several.status == 0);
  CHECK(manifest_in(registry, "app:4").at("annotations") == Json{{"i", "1"}});
}

TEST_CASE("what an output has no place for is said before the build, or instead of the image") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM busybox\n");
  const auto error_of = [&](const std::vector<std::string>& flags) {
    const Built built = workshop.build(flags);
    CHECK(built.status != 0);
    return built.log;
  };
  CHECK(error_of({"--push"}).find("needs a name") != std::string::npos);
  CHECK(error_of({"--annotation", "index:a=b"}).find("has no index") != std::string::npos);
  CHECK(error_of({"--annotation", "a=b", "-o", "type=image,oci-mediatypes=false"})
            .find("no place for annotations") != std::string::npos);
  CHECK(error_of({"--annotation", "manifest[linux/s390x]:a=b"}).find("is not built") !=
        std::string::npos);
}
