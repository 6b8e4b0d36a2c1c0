// Builds that give the same again: held to a lock file, and built twice.
#include "../cache/registry/docker_registry.hpp"
#include "../cache/registry/http_server.hpp"
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, std::string_view part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

// An image of one file goes into a registry under a name.
void push(const Workshop& workshop, const std::string& name, const std::string& content) {
  const fs::path context = workshop.folder() / "pushed";
  fs::create_directories(context);
  std::ofstream(context / "Dockerfile") << "FROM scratch\nCOPY version /version\n";
  std::ofstream(context / "version") << content;
  const fs::path archive = workshop.folder() / "pushed.tar";
  const Finished built =
      workshop.slipway({"build", "-o", "type=oci,dest=" + archive.string(), context.string()});
  INFO(built.err);
  REQUIRE(built.status == 0);
  output_of({"skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false",
             "oci-archive:" + archive.string(), "docker://" + name});
}

std::string version_in(const Workshop& workshop, const std::vector<std::string>& flags) {
  return read(workshop.files_of(workshop.context(), flags) / "version");
}

}  // namespace

TEST_CASE("a base image whose tag has moved is the one that was locked") {
  SKIP_UNLESS_ROOT();
  const Workshop sender({});
  DockerRegistry registry;
  const std::string name = registry.address() + "/tools/base:1";
  push(sender, name, "first");

  const Workshop workshop({});
  const fs::path lock = workshop.folder() / "slipway.lock";
  const std::vector<std::string> held{"--lock", lock.string()};
  workshop.write("Dockerfile", "FROM " + name + "\nCOPY mine /\n");
  workshop.write("mine", "mine");
  const Built first = workshop.build({"--lock", lock.string()});
  INFO(first.log);
  REQUIRE(first.status == 0);
  CHECK(contains(first.log, "1 source added"));
  CHECK(contains(first.log, "+ " + name));
  const std::string text = read(lock);
  CHECK(contains(text, "\"version\": 1"));
  CHECK(contains(text, "{\"image\": \"" + name + "\", \"digest\": \"sha256:"));

  push(sender, name, "second");
  // A machine that has nothing yet, one that may not add anything, and the one that has the image.
  const Workshop clean({});
  clean.write("Dockerfile", "FROM " + name + "\nCOPY mine /\n");
  clean.write("mine", "mine");
  CHECK(version_in(clean, {"--lock", lock.string(), "--frozen-lock"}) == "first");
  CHECK(version_in(workshop, held) == "first");
  CHECK(version_in(workshop, {"--lock", lock.string(), "--pull"}) == "first");
  CHECK(read(lock) == text);
  // Without the lock the name is what its registry has.
  CHECK(version_in(workshop, {"--pull"}) == "second");
  CHECK(version_in(workshop, held) == "first");

  const Built moved = workshop.build({"--lock", lock.string(), "--update-lock"});
  INFO(moved.log);
  REQUIRE(moved.status == 0);
  CHECK(contains(moved.log, "~ " + name));
  CHECK(contains(moved.log, "was sha256:"));
  CHECK(contains(moved.log, "is  sha256:"));
  CHECK(read(lock) != text);
  CHECK(version_in(workshop, held) == "second");
  CHECK(contains(workshop.build({"--lock", lock.string(), "--update-lock"}).log,
                 "nothing has changed"));
}

TEST_CASE("a lock that may not be added to names what it lacks before anything is built") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  const fs::path lock = workshop.folder() / "slipway.lock";
  workshop.write("Dockerfile", "FROM busybox\nRUN echo built\n");
  const Built none = workshop.build({"--lock", lock.string(), "--frozen-lock"});
  CHECK(none.status == 1);
  CHECK(contains(none.log, "there is no lock file"));
  std::ofstream(lock) << "{\"version\": 1, \"sources\": []}\n";
  const Built lacking = workshop.build({"--lock", lock.string(), "--frozen-lock"});
  CHECK(lacking.status == 1);
  CHECK(contains(lacking.log, "busybox:latest"));
  CHECK(!contains(lacking.log, "RUN echo"));
  // An image that was made here has no registry's digest.
  REQUIRE(workshop.build({"--lock", lock.string()}).status == 0);
  CHECK(contains(read(lock), "\"id\": \"sha256:"));
  CHECK(workshop.build({"--lock", lock.string(), "--frozen-lock"}).status == 0);
  CHECK(workshop.slipway({"build", "--dry-run", "--lock", lock.string(), workshop.context()})
            .status == 0);
  CHECK(workshop.build({"--update-lock"}).status != 0);
  std::ofstream(lock) << "{\"version\": 1,\n \"sources\": [{\"image\": 7}]}\n";
  const Built broken = workshop.build({"--lock", lock.string()});
  CHECK(broken.status == 1);
  CHECK(contains(broken.log, lock.string() + ":2"));
}

TEST_CASE("a file of the web that has changed is an error with both digests, and no image") {
  SKIP_UNLESS_ROOT();
  std::string content = "first";
  HttpServer server([&](const HttpServer::Request&) -> HttpServer::Reply {
    return {.headers = {}, .body = content};
  });
  const Workshop workshop({});
  const fs::path lock = workshop.folder() / "slipway.lock";
  workshop.write("Dockerfile", "FROM scratch\nADD http://" + server.address() + "/f /f\n");
  REQUIRE(workshop.build({"--lock", lock.string()}).status == 0);

  content = "second";
  const Workshop clean({});
  clean.write("Dockerfile", "FROM scratch\nADD http://" + server.address() + "/f /f\n");
  const Built refused = clean.build({"--lock", lock.string(), "-t", "result"});
  CHECK(refused.status == 1);
  CHECK(contains(refused.log, "expected sha256:"));
  CHECK(contains(refused.log, "got sha256:"));
  CHECK(contains(refused.log, "--update-lock"));
  CHECK(clean.slipway({"images", "-q"}).out.empty());
  REQUIRE(clean.build({"--lock", lock.string(), "--update-lock"}).status == 0);
  CHECK(clean.build({"--lock", lock.string(), "--frozen-lock"}).status == 0);
}

TEST_CASE("a step that is another one each time is named, with what differs in its files") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN echo always > /steady\n"
                 "RUN cat /proc/sys/kernel/random/uuid > /stamp\n");
  // A record of an earlier build hides nothing.
  REQUIRE(workshop.build().status == 0);
  const Built built = workshop.build({"--verify-reproducible", "-t", "result"});
  CHECK(built.status == 1);
  CHECK(contains(built.log, "not reproducible: 1 of 2 steps"));
  CHECK(contains(built.log, "RUN cat /proc/sys/kernel/random/uuid > /stamp"));
  CHECK(contains(built.log, "/stamp  content"));
  CHECK(contains(built.log, "in line 1"));
  CHECK(!contains(built.log, "/steady  "));
  // It gave no image, and the first of the two builds is what the cache has.
  CHECK(!contains(workshop.slipway({"images"}).out, "result"));
  const Built again = workshop.build();
  CHECK(again.misses == 0);
  CHECK(workshop.slipway({"fsck"}).status == 0);
}

TEST_CASE("date +%N is no stamp for a build that is to be the same twice") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  // Where busybox's date knows no %N, the time since the start still tells hundredths. The step
  // takes longer than that: two quick ones have been seen in the same hundredth.
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN cut -d ' ' -f 1 /proc/uptime > /stamp; date +%N >> /stamp; sleep 0.05\n");
  const Built built = workshop.build({"--verify-reproducible"});
  CHECK(built.status == 1);
  CHECK(contains(built.log, "/stamp  content"));
}

TEST_CASE("a build that gives the same twice says so, and gives its image") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "ARG SOURCE_DATE_EPOCH\n"
                 "COPY data /data/\n"
                 "RUN date -u -d @$SOURCE_DATE_EPOCH > /stamp && mkdir /made\n"
                 "WORKDIR /work\n");
  workshop.write("data/a", "a");
  const Built built = workshop.build(
      {"--verify-reproducible", "-t", "result", "--build-arg", "SOURCE_DATE_EPOCH=1700000000"});
  INFO(built.log);
  REQUIRE(built.status == 0);
  CHECK(contains(built.log, "reproducible: 3 steps gave the same files twice"));
  CHECK(contains(workshop.slipway({"images"}).out, "result"));
  CHECK(contains(workshop.slipway({"inspect", "result"}).out, "2023-11-14T22:13:20Z"));
  CHECK(workshop.build({"--build-arg", "SOURCE_DATE_EPOCH=1700000000"}).misses == 0);
}

TEST_CASE("the time that the Dockerfile itself gives is the one that counts") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  workshop.write("Dockerfile", "ARG SOURCE_DATE_EPOCH=1700000000\nFROM busybox\nRUN echo a > /a\n");
  const fs::path archive = workshop.folder() / "result.tar";
  const Built built = workshop.build(
      {"--verify-reproducible", "-o", "type=oci,rewrite-timestamp=true,dest=" + archive.string()});
  INFO(built.log);
  REQUIRE(built.status == 0);
  CHECK(contains(built.log, "gave the same files twice, with the same times\n"));
  REQUIRE(workshop.build({"-t", "app", "--provenance=true"}).status == 0);
  const std::string said = workshop.slipway({"attestations", "app", "--type", "provenance"}).out;
  CHECK(contains(said, "buildkit_metadata"));
  CHECK(!contains(said, "startedOn"));
}

TEST_CASE("what a cache mount had is not what was compared, and that is said") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\nRUN --mount=type=cache,target=/c touch /c/kept && echo a > /a\n");
  const Built built = workshop.build({"--verify-reproducible"});
  INFO(built.log);
  REQUIRE(built.status == 0);
  CHECK(contains(built.log, "files twice (cache mounts were those of the first build)\n"));
}

TEST_CASE("an image that has a name here alone is held by its ID, and needs no registry") {
  SKIP_UNLESS_ROOT();
  const Workshop sender({});
  DockerRegistry registry;
  const std::string name = registry.address() + "/tools/base:1";
  push(sender, name, "first");
  const Workshop workshop({});
  REQUIRE(workshop.slipway({"pull", name}).status == 0);
  REQUIRE(workshop.slipway({"tag", name, "base"}).status == 0);
  workshop.write("Dockerfile", "FROM base\nCOPY mine /\n");
  workshop.write("mine", "mine");
  const fs::path lock = workshop.folder() / "slipway.lock";
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{}, {"--frozen-lock"}, {"--update-lock"}}) {
    std::vector<std::string> flags{"--lock", lock.string()};
    flags.insert(flags.end(), more.begin(), more.end());
    const Built built = workshop.build(flags);
    INFO(built.log);
    REQUIRE(built.status == 0);
    CHECK(contains(read(lock), "{\"image\": \"base:latest\", \"platform\": "));
    CHECK(contains(read(lock), "\"id\": \"sha256:"));
  }
}

TEST_CASE("where a layout of images lies on this machine is in nothing that leaves it") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  workshop.write("version", "1");
  workshop.write("Dockerfile", "FROM scratch\nCOPY version /\n");
  const fs::path layout = workshop.folder() / "layout";
  REQUIRE(workshop.build({"-o", "type=oci,tar=false,name=made:1,dest=" + layout.string()}).status ==
          0);
  workshop.write("Dockerfile", "FROM base\nCOPY version /again\n");
  const fs::path lock = workshop.folder() / "slipway.lock";
  const std::vector<std::string> flags{"-t",
                                       "app",
                                       "--provenance=mode=max",
                                       "--lock",
                                       lock.string(),
                                       "--build-context",
                                       "base=oci-layout://" + layout.string()};
  const Built built = workshop.build(flags);
  INFO(built.log);
  REQUIRE(built.status == 0);
  const std::string said = workshop.slipway({"attestations", "app", "--type", "provenance"}).out;
  CHECK(contains(said, "pkg:oci/base"));
  CHECK(!contains(said, workshop.folder().string()));
  CHECK(contains(read(lock), "{\"image\": \"oci-layout://base\""));
  CHECK(!contains(read(lock), workshop.folder().string()));
  CHECK(workshop.build(flags).misses == 0);

  // A Dockerfile alone reads no folder of the machine.
  workshop.write("Dockerfile", "FROM oci-layout://" + layout.string() + "\n");
  const Built refused = workshop.build();
  CHECK(refused.status == 1);
  CHECK(contains(refused.log, "is not an image reference"));
}
