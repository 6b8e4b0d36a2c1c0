// What other people's tools make of the images that slipway writes.
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

// Something of everything a layer can have.
void write_project(const Workshop& workshop) {
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "LABEL org.example.name=\"all of it\"\n"
                 "COPY --chown=12:34 --chmod=640 file.txt /kept/\n"
                 "RUN ln /kept/file.txt /kept/hard && ln -s file.txt /kept/soft && \\\n"
                 "    mkfifo /kept/pipe && chmod 4755 /kept/hard && mkdir -m 1777 /kept/sticky\n"
                 "RUN rm -r /home && rm /bin/ar && mkdir /home && touch /home/new\n"
                 "ENV GREETING=hello\n"
                 "WORKDIR /made/here\n"
                 "USER 12:34\n"
                 "CMD [\"cat\", \"/kept/file.txt\"]\n");
  workshop.write("file.txt", "content\n");
}

// The image unpacked by umoci from an OCI layout or archive that skopeo can read.
fs::path unpacked(const Workshop& workshop, const std::string& transport) {
  const fs::path layout = workshop.folder() / "layout";
  const fs::path bundle = workshop.folder() / "bundle";
  output_of({"skopeo", "copy", "--quiet", "--insecure-policy", transport,
             "oci:" + layout.string() + ":image"});
  output_of({"umoci", "unpack", "--image", layout.string() + ":image", bundle});
  return bundle / "rootfs";
}

}  // namespace

TEST_CASE("skopeo and umoci take what a build writes as an archive") {
  ROOT_ALONE("unpacks the layers with their owners");
  Workshop workshop;
  write_project(workshop);
  for (const std::string type : {"oci", "docker"}) {
    CAPTURE(type);
    const fs::path archive = workshop.folder() / (type + ".tar");
    const Built built = workshop.build(
        {"-t", "example/all:1", "-o", "type=" + type + ",dest=" + archive.string()});
    INFO(built.log);
    REQUIRE(built.status == 0);
    const std::string transport = type + "-archive:" + archive.string();

    const auto inspected =
        nlohmann::json::parse(output_of({"skopeo", "inspect", "--config", transport}));
    CHECK(inspected.at("config").at("User") == "12:34");
    CHECK(inspected.at("config").at("WorkingDir") == "/made/here");
    CHECK(inspected.at("config").at("Labels").at("org.example.name") == "all of it");
    CHECK(inspected.at("config").at("Cmd") == nlohmann::json{"cat", "/kept/file.txt"});
    std::size_t layers = 0;
    for (const auto& entry : inspected.at("history")) {
      if (!entry.value("empty_layer", false)) ++layers;
    }
    CHECK(inspected.at("rootfs").at("diff_ids").size() == layers);

    output_of({"skopeo", "copy", "--quiet", "--insecure-policy", transport,
               "dir:" + (workshop.folder() / ("dir-" + type)).string()});
    const fs::path files = unpacked(workshop, transport);
    CHECK(read(files / "kept/file.txt") == "content\n");
    CHECK(output_of({"stat", "-c", "%u:%g %a %h", files / "kept/file.txt"}) == "12:34 4755 2\n");
    CHECK(fs::read_symlink(files / "kept/soft") == "file.txt");
    CHECK(fs::is_fifo(files / "kept/pipe"));
    CHECK(!fs::exists(files / "bin/ar"));
    CHECK(fs::exists(files / "home/new"));
    CHECK(fingerprint(files) == fingerprint(workshop.files_of(workshop.context())));
    fs::remove_all(workshop.folder() / "layout");
    fs::remove_all(workshop.folder() / "bundle");
  }
}

TEST_CASE("the same image is the same bytes") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  write_project(workshop);
  const fs::path first = workshop.folder() / "first.tar";
  const fs::path second = workshop.folder() / "second.tar";
  REQUIRE(workshop.build({"-o", "type=oci,dest=" + first.string()}).status == 0);
  REQUIRE(workshop.build({"-o", "type=oci,dest=" + second.string()}).status == 0);
  CHECK(read(first) == read(second));
}

TEST_CASE("an image goes through save and load unchanged") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  write_project(workshop);
  const Built built = workshop.build({"-t", "example/all:1"});
  REQUIRE(built.status == 0);
  const fs::path archive = workshop.folder() / "saved.tar";
  REQUIRE(workshop.slipway({"save", "-o", archive, "example/all:1"}).status == 0);

  Workshop elsewhere({});
  const Finished loaded = elsewhere.slipway({"load", "-i", archive});
  INFO(loaded.err);
  REQUIRE(loaded.status == 0);
  CHECK(elsewhere.slipway({"images", "-q", "--no-trunc"}).out == built.image + "\n");
}

TEST_CASE("local and tar outputs hold the files alone") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM scratch\nCOPY . /out/\n");
  workshop.write("a/b.txt", "b");
  const fs::path tar = workshop.folder() / "files.tar";
  REQUIRE(workshop.build({"-o", "type=tar,dest=" + tar.string()}).status == 0);
  const std::string names = output_of({"tar", "-tf", tar});
  CHECK(names.find("out/a/b.txt\n") != std::string::npos);
  CHECK(names.find("manifest.json") == std::string::npos);
  const fs::path files = workshop.folder() / "files";
  REQUIRE(workshop.build({"-o", files}).status == 0);
  CHECK(read(files / "out/a/b.txt") == "b");
}
