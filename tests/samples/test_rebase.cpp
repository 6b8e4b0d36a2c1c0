// An image that is put onto another base, beside one that is built there.
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

void build_base(const Workshop& workshop, const std::string& name, const std::string& lines) {
  const fs::path context = workshop.folder() / "base";
  fs::create_directories(context);
  std::ofstream(context / "Dockerfile") << "FROM busybox\n" << lines;
  const Built built = workshop.build_folder(context, {"-t", name});
  INFO(built.log);
  REQUIRE(built.status == 0);
}

// The app on a base, with the flags that give the image its name.
Built build_app(const Workshop& workshop, const std::string& base, const std::string& instructions,
                const std::string& tag) {
  workshop.write("Dockerfile", "FROM " + base + "\n" + instructions);
  Built built = workshop.build({"-t", tag});
  INFO(built.log);
  REQUIRE(built.status == 0);
  return built;
}

}  // namespace

TEST_CASE("what COPY --link has made is on a new base what a build there gives") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  build_base(workshop, "base:1", "RUN echo 1 > /etc/release\nENV VERSION=1\nCMD [\"one\"]\n");
  build_base(workshop, "base:2", "RUN echo 2 > /etc/release\nENV VERSION=2\nCMD [\"two\"]\n");
  workshop.write("app", "#!/bin/sh\ncat /etc/release\n");
  const std::string app = "COPY --link app /usr/bin/app\nENV OWN=mine\nLABEL own=yes\n";
  build_app(workshop, "base:1", app, "app:1");

  const Finished moved = workshop.slipway(
      {"rebase", "app:1", "--from", "base:1", "--onto", "base:2", "-t", "app:moved"});
  INFO(moved.err);
  REQUIRE(moved.status == 0);
  const Built built = build_app(workshop, "base:2", app, "app:2");
  CHECK(moved.out == built.image + "\n");
  CHECK(workshop.slipway({"cat", "app:moved:/etc/release"}).out == "2\n");

  // It is an image like any other: something can be built on it, and all of the store is whole.
  build_app(workshop, "app:moved", "RUN sh /usr/bin/app > /ran\n", "ran");
  CHECK(workshop.slipway({"cat", "ran:/ran"}).out == "2\n");
  CHECK(workshop.slipway({"fsck"}).status == 0);
}

TEST_CASE("a base that is not named is found, and an image with a RUN is refused with its steps") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  workshop.write("app", "app");
  REQUIRE(workshop.slipway({"tag", "busybox", "new:1"}).status == 0);
  build_app(workshop, "busybox", "COPY --link app /app\nRUN echo > /file\nCOPY app /opt/\n",
            "app:1");
  const Finished refused = workshop.slipway({"rebase", "app:1", "--onto", "new:1", "-t", "app:2"});
  CHECK(refused.status == 1);
  CHECK(refused.out.empty());
  CHECK(contains(refused.err, "RUN /bin/sh -c echo > /file"));
  CHECK(!contains(workshop.slipway({"images"}).out, "app:2"));
  const Finished none = workshop.slipway({"rebase", "busybox", "--onto", "new:1"});
  CHECK(none.status == 1);
  CHECK(contains(none.err, "--from"));
}
