// Builds that try to break the store, or what comes after them.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

// The probe of the sandbox's tests, in the context.
void add_probe(const Workshop& workshop) {
  workshop.write("probe", read(SLIPWAY_PROBE));
}

constexpr const char* with_probe = "FROM busybox AS probed\nCOPY --chmod=755 probe /bin/probe\n";

bool work_is_empty(const Workshop& workshop) {
  const fs::path work = workshop.root() / "work";
  return !fs::exists(work) || fs::is_empty(work);
}

void check_store(const Workshop& workshop) {
  const Finished checked = workshop.slipway({"fsck"});
  INFO(checked.out);
  INFO(checked.err);
  CHECK(checked.status == 0);
}

}  // namespace

TEST_CASE("thirty thousand directories in each other are refused, and removed again") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  add_probe(workshop);
  workshop.write("Dockerfile",
                 std::string(with_probe) + "RUN mkdir /d && cd /d && probe deep 30000\n");
  const Built built = workshop.build();
  CHECK(built.status != 0);
  CHECK(built.log.find("is too long for a layer") != std::string::npos);
  CHECK(built.log.size() < 100000);
  // Whoever comes next finds nothing of it.
  workshop.write("Dockerfile", "FROM busybox\nRUN echo fine\n");
  CHECK(workshop.build().status == 0);
  CHECK(work_is_empty(workshop));
  check_store(workshop);
}

TEST_CASE("a directory of two hundred thousand files is a layer") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  add_probe(workshop);
  workshop.write("Dockerfile", std::string(with_probe) +
                                   "RUN mkdir /d && probe files /d 200000\n"
                                   "RUN ls /d | wc -l > /count\n"
                                   "RUN rm -r /d\n"
                                   "FROM busybox\nCOPY --from=0 /count /\n");
  const fs::path files = workshop.files_of(workshop.context());
  CHECK(read(files / "count") == "200000\n");
  CHECK(work_is_empty(workshop));
}

TEST_CASE("a name that means a deletion is refused where it would become one") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  for (const char* name : {"/etc/.wh.passwd", "/.wh..wh..opq", "/bin/.wh..wh.plnk"}) {
    CAPTURE(name);
    workshop.write("Dockerfile", "FROM busybox\nRUN touch " + std::string(name) + "\n");
    const Built built = workshop.build();
    INFO(built.log);
    CHECK(built.status != 0);
    CHECK(built.log.find(".wh.") != std::string::npos);
  }
  // Where it does not stay it harms nobody.
  workshop.write("Dockerfile", "FROM busybox\nRUN touch /.wh.bin && rm /.wh.bin\n");
  CHECK(workshop.build().status == 0);
}

// A step may write user.*, and in another kind of mount this one would hide what lies below.
TEST_CASE("overlayfs's marks in attributes that a step may write are none, and in no layer") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  add_probe(workshop);
  workshop.write("Dockerfile",
                 std::string(with_probe) +
                     "RUN probe xattr user.overlay.opaque 79 /etc && touch /etc/new\n"
                     "RUN probe xattr user.overlay.whiteout 79 /etc/group; true\n"
                     "RUN probe xattr user.overlay.redirect 2f62696e /home; true\n"
                     "RUN touch /etc/empty; probe xattr user.overlay.whiteout 79 /etc/empty; true\n"
                     "RUN ls /etc > /listing\n"
                     "FROM busybox AS copied\n"
                     "COPY --from=0 /etc /copied\n"
                     "RUN --mount=from=probed,target=/x /x/bin/probe xattrs /copied > /attributes\n"
                     "FROM busybox\nCOPY --from=0 /etc /listing /\n"
                     "COPY --from=copied /attributes /\n");
  const fs::path files = workshop.files_of(workshop.context());
  CHECK(read(files / "listing").find("group") != std::string::npos);
  CHECK(read(files / "listing").find("passwd") != std::string::npos);
  CHECK(read(files / "listing").find("empty") != std::string::npos);
  CHECK(fs::exists(files / "empty"));
  CHECK(read(files / "attributes") == "");
  CHECK(fs::exists(files / "passwd"));
}

TEST_CASE("CVE-2024-9675, CVE-2026-33747: the id of a cache is no path") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  fs::create_directories(workshop.folder() / "outside");
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN --mount=type=cache,id=../../outside,target=/c touch /c/stolen\n"
                 "RUN --mount=type=cache,id=" +
                     (workshop.folder() / "outside").string() +
                     ",target=/c touch /c/stolen\n"
                     "RUN --mount=type=cache,id=..,target=/c touch /c/stolen\n"
                     "RUN --mount=type=cache,target=/c/../../../outside touch /outside/stolen\n");
  const Built built = workshop.build();
  INFO(built.log);
  CHECK(built.status == 0);
  CHECK(fs::is_empty(workshop.folder() / "outside"));
}

// The disk is a tmpfs of a few megabytes, which only the processes of this test see.
TEST_CASE("a disk that is full ends the step, or the build, and leaves the store as it was") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  workshop.write("small/Dockerfile", "FROM busybox\nRUN echo fine > /fine\n");
  workshop.write("step/Dockerfile", "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=60\n");
  workshop.write("copy/Dockerfile", "FROM busybox\nCOPY big /\n");
  workshop.write("copy/big", std::string(60'000'000, 'x'));
  const std::string slipway = SLIPWAY_PROGRAM;
  const std::string state = workshop.root();
  fs::create_directory(state);
  const std::string script =
      "set -u; cd '" + workshop.context().string() +
      "'\n"
      "mount -t tmpfs -o size=24m none '" +
      state +
      "' || exit 90\n"
      "export SLIPWAY='" +
      slipway + "' SLIPWAY_ROOT='" + state +
      "'\n" SAMPLES
      "/base-images.sh busybox:latest >&2 || exit 91\n"
      "build() { \"$SLIPWAY\" build --progress=plain \"$@\" > log 2>&1; }\n"
      "build -t before small || { cat log >&2; exit 92; }\n"
      "build step && exit 93; grep -q 'No space left on device' log || { cat log >&2; exit 94; }\n"
      "build copy && exit 95; grep -q 'No space left on device' log || { cat log >&2; exit 96; }\n"
      "\"$SLIPWAY\" fsck >&2 || exit 97\n"
      "build small || { cat log >&2; exit 98; }\n"
      "grep -q 'cache: 1 hit, 0 misses' log || { cat log >&2; exit 99; }\n"
      "build --no-cache small || { cat log >&2; exit 100; }\n"
      "rm -rf \"$SLIPWAY_ROOT\"/layers\n"
      "umount '" +
      state + "'\n";
  const Finished finished =
      ::geteuid() == 0
          ? run({"unshare", "-m", "--propagation", "private", "bash", "-c", script})
          : run({"unshare", "--user", "--map-root-user", "--map-auto", "-m", "bash", "-c", script});
  INFO(finished.err);
  CHECK(finished.status == 0);
}
