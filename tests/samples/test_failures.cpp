// Builds that cannot succeed: what they say, how they end, and that the next one is not harmed.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

// Each must occur in the text, after the one before it.
void check_order(const std::string& text, const std::vector<std::string>& parts) {
  INFO(text);
  std::size_t at = 0;
  for (const std::string& part : parts) {
    CAPTURE(part);
    const std::size_t found = text.find(part, at);
    CHECK(found != std::string::npos);
    if (found != std::string::npos) at = found + part.size();
  }
}

}  // namespace

TEST_CASE("a failed RUN shows its instruction, its exit code and its last output") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN echo fine\n"
                 "RUN echo the last words; exit 7\n"
                 "RUN echo never reached > /dev/stderr\n");
  const Built built = workshop.build();
  CHECK(built.status == 1);
  check_order(built.log, {"the last words", "Dockerfile:3", "error:", "7",
                          "3 | RUN echo the last words; exit 7"});
  CHECK(built.log.find("] RUN echo never reached") == std::string::npos);

  // What succeeded before it was kept.
  workshop.write("Dockerfile", "FROM busybox\nRUN echo fine\n");
  const Built fixed = workshop.build();
  CHECK(fixed.status == 0);
  CHECK(fixed.hits == 1);
}

TEST_CASE("mistakes in a Dockerfile are reported together, before anything runs") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox AS builder\n"
                 "RUNN make\n"
                 "FROM busybox\n"
                 "COPY --form=builder /a /b\n");
  const Built built = workshop.build();
  CHECK(built.status == 1);
  check_order(built.log, {"Dockerfile:2:1: error:", "RUNN", "Dockerfile:4:", "error:", "--form"});
  check_order(built.log, {"hint:", "RUN"});
}

TEST_CASE("an unknown stage and a missing file are named where they are written") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox AS builder\nFROM scratch\nCOPY --from=127.0.0.1:1/biulder /a /\n");
  Built built = workshop.build();
  CHECK(built.status == 1);
  check_order(built.log, {"127.0.0.1:1/biulder"});

  workshop.write("Dockerfile", "FROM busybox\nCOPY present.txt absent.txt /\n");
  workshop.write("present.txt", "");
  built = workshop.build();
  CHECK(built.status == 1);
  check_order(built.log, {"Dockerfile:2:", "error:", "absent.txt"});

  built = workshop.build({"--target", "biulder"});
  CHECK(built.status == 1);
  check_order(built.log, {"error:", "biulder"});
}

TEST_CASE("an image that is nowhere, and a registry that does not answer") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM 127.0.0.1:1/nobody/listens:here\nRUN true\n");
  const Built built = workshop.build();
  CHECK(built.status == 1);
  check_order(built.log, {"Dockerfile:1:", "error:", "127.0.0.1:1"});
}

TEST_CASE("no Dockerfile, or one that cannot be read") {
  SKIP_UNLESS_ROOT();
  Workshop workshop({});
  Built built = workshop.build();
  CHECK(built.status == 1);
  check_order(built.log, {"error:", "Dockerfile"});

  fs::create_directory(workshop.context() / "Dockerfile");
  built = workshop.build();
  CHECK(built.status == 1);
  check_order(built.log, {"error:", "Dockerfile"});
}

TEST_CASE("a full disk ends the build, and with room again it succeeds") {
  ROOT_ALONE("mounts a small tmpfs");
  Workshop workshop({});
  fs::create_directory(workshop.root());
  REQUIRE(::mount("tmpfs", workshop.root().c_str(), "tmpfs", 0, "size=8m") == 0);
  struct Unmount {
    fs::path target;
    ~Unmount() { ::umount2(target.c_str(), MNT_DETACH); }
  } unmount{workshop.root()};

  workshop.write("Dockerfile", "FROM scratch\nCOPY small /\nCOPY large /\n");
  workshop.write("small", "small");
  workshop.write("large", std::string(16 << 20, 'x'));
  const Built full = workshop.build();
  CHECK(full.status == 1);
  INFO(full.log);
  check_order(full.log, {"error:"});
  // The kernel's words, or the database's.
  CHECK((full.log.find("No space left on device") != std::string::npos ||
         full.log.find("disk is full") != std::string::npos));

  REQUIRE(::mount("tmpfs", workshop.root().c_str(), "tmpfs", MS_REMOUNT, "size=128m") == 0);
  const Built roomy = workshop.build();
  INFO(roomy.log);
  REQUIRE(roomy.status == 0);
  const fs::path files = workshop.files_of(workshop.context());
  CHECK(fs::file_size(files / "large") == 16 << 20);
  CHECK(read(files / "small") == "small");
}

TEST_CASE("an image gets no name with a digest: a later FROM would believe it") {
  SKIP_UNLESS_ROOT();
  Workshop workshop({});
  workshop.write("Dockerfile", "FROM scratch\nCOPY file /\n");
  workshop.write("file", "text");
  const std::string name = "base@sha256:" + std::string(64, 'a');
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"-t", name}, {"-o", "type=image,name=" + name}}) {
    const Built built = workshop.build(flags);
    CHECK(built.status == 1);
    check_order(built.log, {"error:", "a digest is not for choosing"});
  }
  CHECK(workshop.slipway({"images", "-q", name}).out == "");
}

TEST_CASE("a device that --iidfile names stays one") {
  ROOT_ALONE("makes a device");
  Workshop workshop({});
  workshop.write("Dockerfile", "FROM scratch\nCOPY file /\n");
  workshop.write("file", "text");
  const fs::path device = workshop.folder() / "null";
  REQUIRE(::mknod(device.c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0);
  CHECK(workshop.build({"--iidfile", device}).status == 0);
  CHECK(fs::is_character_file(device));
}

TEST_CASE("a layer whose files were deleted is made again") {
  SKIP_UNLESS_ROOT();
  Workshop workshop({});
  workshop.write("Dockerfile", "FROM scratch\nCOPY file /\n");
  workshop.write("file", "text");
  const Built first = workshop.build();
  REQUIRE(first.status == 0);
  fs::remove_all(workshop.root() / "layers");
  const Built again = workshop.build();
  INFO(again.log);
  REQUIRE(again.status == 0);
  CHECK(again.misses == 1);
  CHECK(read(workshop.files_of(workshop.context()) / "file") == "text");
}
