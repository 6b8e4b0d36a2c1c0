// What a second build runs again, and what it tells about it.
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>

using namespace slipway;

namespace {

namespace fs = std::filesystem;
using Instructions = std::vector<std::string>;

// A project of two parts, so that an edit of one leaves the other alone.
void write_project(const Workshop& workshop) {
  workshop.write("Dockerfile",
                 "FROM busybox AS build\n"
                 "WORKDIR /src\n"
                 "COPY lib/ lib/\n"
                 "RUN cat lib/* > lib.out\n"
                 "COPY app/ app/\n"
                 "RUN cat lib.out app/* > app.out\n"
                 "FROM scratch\n"
                 "COPY --from=build /src/app.out /\n");
  workshop.write("lib/one.txt", "one\n");
  workshop.write("lib/two.txt", "two\n");
  workshop.write("app/main.txt", "main\n");
}

Built succeed(Built built) {
  INFO(built.log);
  REQUIRE(built.status == 0);
  return built;
}

}  // namespace

TEST_CASE("files that were only touched change nothing") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  write_project(workshop);
  const Built first = succeed(workshop.build());
  CHECK(first.misses == 6);

  const auto later = fs::file_time_type::clock::now() + std::chrono::hours(1);
  for (const auto& entry : fs::recursive_directory_iterator(workshop.context())) {
    fs::last_write_time(entry.path(), later);
  }
  const Built second = succeed(workshop.build());
  CHECK(second.ran() == Instructions{});
  CHECK(second.hits == 6);
  CHECK(second.image == first.image);
  CHECK(second.log.find("cache: 6 hits, 0 misses") != std::string::npos);
}

TEST_CASE("an edited file reruns its COPY and what follows, nothing else") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  write_project(workshop);
  succeed(workshop.build());

  workshop.write("app/main.txt", "edited\n");
  const Built edited = succeed(workshop.build());
  CHECK(edited.ran() == Instructions{"COPY app/ app/", "RUN cat lib.out app/* > app.out",
                                     "COPY --from=build /src/app.out /"});
  CHECK(edited.log.find("app/main.txt: content") != std::string::npos);
  CHECK(read(workshop.files_of(workshop.context()) / "app.out") == "one\ntwo\nedited\n");

  workshop.write("app/main.txt", "main\n");
  const Built undone = succeed(workshop.build());
  CHECK(undone.ran() == Instructions{});
}

TEST_CASE("a mode and a new file are changes, and are named as the reason") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  write_project(workshop);
  succeed(workshop.build());

  fs::permissions(workshop.context() / "app/main.txt", fs::perms(0755));
  workshop.write("app/new.txt", "new\n");
  const Built built = succeed(workshop.build());
  REQUIRE(!built.ran().empty());
  CHECK(built.ran().front() == "COPY app/ app/");
  CHECK(built.log.find("app/main.txt: mode") != std::string::npos);
  CHECK(built.log.find("app/new.txt: new") != std::string::npos);
}

TEST_CASE("a step that gives the same files as before ends the rerun") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox AS build\n"
                 "COPY input.txt /\n"
                 "RUN grep -v '^#' /input.txt > /output\n"
                 "FROM busybox\n"
                 "COPY --from=build /output /\n"
                 "RUN sort /output > /sorted\n");
  workshop.write("input.txt", "# a comment\nb\na\n");
  const Built first = succeed(workshop.build());

  workshop.write("input.txt", "# another comment\nb\na\n");
  const Built second = succeed(workshop.build());
  CHECK(second.ran() == Instructions{"COPY input.txt /", "RUN grep -v '^#' /input.txt > /output"});
  CHECK(second.image == first.image);
}

TEST_CASE("what a step left as it was hides nothing, of its own Dockerfile or another one") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  // A mode that was so already: overlayfs copies the file up, and the layer is empty.
  const std::string dockerfile = "FROM busybox\n"
                                 "COPY file /file\n"
                                 "RUN chmod 644 /file\n"
                                 "RUN cp /file /copy\n";
  workshop.write("Dockerfile", dockerfile);
  workshop.write("file", "old\n");
  succeed(workshop.build());
  workshop.write("file", "new\n");
  succeed(workshop.build());
  CHECK(read(workshop.files_of(workshop.context()) / "copy") == "new\n");

  // The same empty layer, where there is no such file.
  workshop.write("Dockerfile", "FROM busybox\nRUN true\nRUN test ! -e /file\n");
  succeed(workshop.build());

  // A directory that was made again hid what it had; the same layer above more of it hides no more.
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN mkdir /d && touch /d/a\n"
                 "RUN rm -r /d && mkdir /d && touch /d/n\n");
  succeed(workshop.build());
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN mkdir /d && touch /d/a /d/b\n"
                 "RUN rm /d/a && touch /d/n\n"
                 "RUN ls /d > /names\n");
  succeed(workshop.build());
  CHECK(read(workshop.files_of(workshop.context()) / "names") == "b\nn\n");
}

TEST_CASE("--no-cache runs every RUN, COPY and ADD, --no-cache-filter those of a stage") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  write_project(workshop);
  succeed(workshop.build());

  // Not WORKDIR: like BuildKit's, it cannot come out differently.
  const Instructions of_build{"COPY lib/ lib/", "RUN cat lib/* > lib.out", "COPY app/ app/",
                              "RUN cat lib.out app/* > app.out"};
  Instructions all = of_build;
  all.emplace_back("COPY --from=build /src/app.out /");
  CHECK(succeed(workshop.build({"--no-cache"})).ran() == all);
  CHECK(succeed(workshop.build({"--no-cache-filter", "build"})).ran() == of_build);
}

TEST_CASE("a stage that the target does not need never runs") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox AS broken\n"
                 "RUN false\n"
                 "FROM busybox AS good\n"
                 "RUN echo good > /good\n"
                 "FROM broken\n"
                 "RUN echo never\n");
  const Built good = succeed(workshop.build({"--target", "good"}));
  CHECK(good.ran() == Instructions{"RUN echo good > /good"});
  CHECK(workshop.build().status == 1);
}

TEST_CASE("-q prints the image's ID and nothing else") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  write_project(workshop);
  const Finished quiet = workshop.slipway({"build", "-q", workshop.context()});
  REQUIRE(quiet.status == 0);
  CHECK(quiet.err == "");
  const Built again = succeed(workshop.build({"--iidfile", workshop.folder() / "id"}));
  CHECK(quiet.out == again.image + "\n");
  CHECK(read(workshop.folder() / "id") == again.image);
}
