// Base images from the registry program that Debian has, on loopback; skopeo puts them there.
#include "registry.hpp"
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

// Saves the workshop's busybox and pushes it, as whoever has credentials.
void push_busybox(const Workshop& workshop, const std::string& to, const std::string& user = "") {
  const fs::path archive = workshop.folder() / "busybox.tar";
  const Finished saved = workshop.slipway({"save", "-o", archive, "busybox"});
  INFO(saved.err);
  REQUIRE(saved.status == 0);
  std::vector<std::string> copy{"skopeo", "copy", "--quiet", "--insecure-policy",
                                "--dest-tls-verify=false"};
  if (!user.empty()) copy.insert(copy.end(), {"--dest-creds", user});
  copy.insert(copy.end(), {"docker-archive:" + archive.string(), "docker://" + to});
  output_of(copy);
}

// The image's ID, as the registry's own manifest has it.
std::string id_in_registry(const std::string& name) {
  const auto manifest = nlohmann::json::parse(output_of(
      {"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + name}));
  return manifest.at("config").at("digest");
}

}  // namespace

TEST_CASE("an image is pulled from a registry and built upon") {
  SKIP_UNLESS_ROOT();
  Workshop sender;
  Registry registry(sender.folder());
  push_busybox(sender, registry.name("tools/busybox:1"));

  Workshop workshop({});
  SUBCASE("by FROM, when no local image has the name") {
    workshop.write("Dockerfile", "FROM " + registry.name("tools/busybox:1") +
                                     "\nRUN busybox | head -n 1 > /version\n");
    const Built built = workshop.build();
    INFO(built.log);
    REQUIRE(built.status == 0);
    CHECK(read(workshop.files_of(workshop.context()) / "version").starts_with("BusyBox v"));
    CHECK(workshop.build().misses == 0);
  }

  SUBCASE("by pull, with the ID that it has everywhere") {
    const std::string name = registry.name("tools/busybox:1");
    const Finished pulled = workshop.slipway({"pull", name});
    INFO(pulled.err);
    REQUIRE(pulled.status == 0);
    const Finished images = workshop.slipway({"images", "-q", "--no-trunc"});
    CHECK(images.out.find(id_in_registry(name)) != std::string::npos);
  }

  SUBCASE("by digest") {
    const std::string digest = output_of({"skopeo", "inspect", "--format", "{{.Digest}}",
                                          "--tls-verify=false",
                                          "docker://" + registry.name("tools/busybox:1")});
    const std::string name =
        registry.name("tools/busybox@" + digest.substr(0, digest.find('\n')));
    workshop.write("Dockerfile", "FROM " + name + "\nRUN echo pinned > /pinned\n");
    const Built built = workshop.build();
    INFO(built.log);
    CHECK(built.status == 0);
  }

  SUBCASE("not when a blob there is not what its digest says") {
    // The registry serves whatever lies in its folder.
    for (const auto& entry : fs::recursive_directory_iterator(sender.folder() / "registry")) {
      if (entry.is_regular_file() && entry.file_size() > 100000) {
        std::fstream blob(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
        blob.seekp(5000);
        blob << "spoiled";
      }
    }
    const Finished pulled = workshop.slipway({"pull", registry.name("tools/busybox:1")});
    CHECK(pulled.status != 0);
    CHECK(pulled.err.find("error:") != std::string::npos);
    CHECK(workshop.slipway({"images", "-aq"}).out == "");
  }

  SUBCASE("and one that is not there is missed by its name") {
    const Finished pulled = workshop.slipway({"pull", registry.name("tools/absent:1")});
    CHECK(pulled.status != 0);
    CHECK(pulled.err.find("tools/absent") != std::string::npos);
  }
}

TEST_CASE("a local image wins over the registry's, unless --pull asks for it") {
  SKIP_UNLESS_ROOT();
  Workshop sender;
  Registry registry(sender.folder());
  const std::string name = registry.name("tools/base:latest");
  push_busybox(sender, name);

  Workshop workshop({});
  workshop.write("Dockerfile", "FROM scratch\nCOPY mine /\n");
  workshop.write("mine", "local");
  REQUIRE(workshop.build({"-t", name}).status == 0);
  workshop.write("Dockerfile", "FROM " + name + "\nCOPY other /\n");
  workshop.write("other", "");

  CHECK(fs::exists(workshop.files_of(workshop.context()) / "mine"));
  const fs::path pulled = workshop.files_of(workshop.context(), {"--pull"});
  CHECK(!fs::exists(pulled / "mine"));
  CHECK(fs::exists(pulled / "bin/busybox"));
}
