// Looking into images: ls, cat, diff, export.
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, std::string_view part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

void build(const Workshop& workshop, const std::string& dockerfile, const std::string& tag) {
  workshop.write("Dockerfile", dockerfile);
  const Built built = workshop.build({"-t", tag});
  INFO(built.log);
  REQUIRE(built.status == 0);
}

const std::string with_everything =
    "FROM busybox\n"
    "RUN mkdir -p /d/e && echo text > /d/file && ln -s file /d/link && ln -s /etc/passwd /d/abs && "
    "\\\n"
    "    ln -s ../../../../etc/hostname-of-nobody /d/out && chown 3:4 /d/file && \\\n"
    "    chmod 4750 /d/file && mkfifo /d/pipe && touch \"/d/a$(printf '\\033[31m')b\"\n";

}  // namespace

TEST_CASE("ls shows what a directory of an image holds") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  build(workshop, with_everything, "localhost:5000/app:1.2");
  const std::string image = "localhost:5000/app:1.2";
  const Finished names = workshop.slipway({"ls", image + ":/d"});
  INFO(names.err);
  REQUIRE(names.status == 0);
  CHECK(names.out == "a [31mb\nabs\ne\nfile\nlink\nout\npipe\n");
  CHECK(contains(workshop.slipway({"ls", image}).out, "bin\n"));
  const std::string details = workshop.slipway({"ls", "-l", image + ":/d/"}).out;
  CHECK(contains(details, "-rwsr-x---"));
  CHECK(contains(details, "3:4"));
  CHECK(contains(details, " link -> file\n"));
  CHECK(contains(details, "prw-"));
  CHECK(details.find('\x1b') == std::string::npos);
  const std::string all = workshop.slipway({"ls", "-R", image + ":/d"}).out;
  CHECK(contains(all, "/d:\n"));
  CHECK(contains(all, "\n/d/e:\n"));

  const Finished missing = workshop.slipway({"ls", image + ":/d/fiel"});
  CHECK(missing.status == 1);
  CHECK(contains(missing.err, "/d/file"));
  CHECK(workshop.slipway({"ls", "nothing:1"}).status == 1);
}

TEST_CASE("cat follows links within the image, and nowhere else") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  build(workshop, with_everything, "app:1");
  CHECK(workshop.slipway({"cat", "app:1:/d/file"}).out == "text\n");
  CHECK(workshop.slipway({"cat", "app:1:/d/link", "app:1:/d/../d/file"}).out == "text\ntext\n");
  CHECK(workshop.slipway({"cat", "app:1:/d/abs"}).out ==
        workshop.slipway({"cat", "app:1:/etc/passwd"}).out);
  CHECK(workshop.slipway({"cat", "app:1:/d/out"}).status == 1);
  CHECK(contains(workshop.slipway({"cat", "app:1:/d"}).err, "is a directory"));
  CHECK(contains(workshop.slipway({"cat", "app:1:/d/pipe"}).err, "no regular file"));
  CHECK(contains(workshop.slipway({"cat", "app:1"}).err, "IMAGE:PATH"));
}

TEST_CASE("diff tells by layer what was added, changed and removed") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  const std::string start =
      "FROM busybox\nRUN mkdir /d && echo 1 > /d/changed && echo 2 > /d/gone\n";
  build(workshop, start, "app:1");
  build(workshop,
        start +
            "RUN echo added > /d/added\nRUN rm /d/gone && echo much longer > /d/changed && "
            "chmod 700 /d/changed\n",
        "app:2");
  const Finished text = workshop.slipway({"diff", "app:1", "app:2"});
  INFO(text.err);
  REQUIRE(text.status == 0);
  CHECK(contains(text.out, "  A /d/added  +6B\n"));
  CHECK(contains(text.out, "  C /d/changed  content, mode  +10B\n"));
  CHECK(contains(text.out, "  D /d/gone  -2B\n"));
  CHECK(contains(text.out, "1 added, 1 changed, 1 removed"));
  CHECK(contains(text.out, "RUN /bin/sh -c echo added > /d/added"));
  CHECK(workshop.slipway({"diff", "app:1", "app:1"}).out == "the files are the same\n");

  const auto json =
      nlohmann::json::parse(workshop.slipway({"diff", "--format", "json", "app:1", "app:2"}).out);
  CHECK(json.at("removed") == 1);
  CHECK(json.at("layers").at(0).at("files").at(0).at("path") == "/d/added");
  CHECK(json.at("layers").at(0).at("files").at(0).at("size_after") == 6);
}

TEST_CASE("export gives the files of an image as a tar, and not to a terminal") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  build(workshop, with_everything, "app:1");
  const fs::path tar = workshop.folder() / "app.tar";
  const Finished written = workshop.slipway({"export", "app:1", "-o", tar});
  INFO(written.err);
  REQUIRE(written.status == 0);
  CHECK(contains(output_of({"tar", "-tvf", tar}), "d/file"));
  CHECK(output_of({"tar", "-xOf", tar, "d/file"}) == "text\n");
  CHECK(!contains(output_of({"tar", "-tf", tar}), ".wh."));
  // What docker import makes of it is the same files.
  const Finished imported = workshop.slipway({"import", tar, "flat"});
  REQUIRE(imported.status == 0);
  CHECK(workshop.slipway({"diff", "app:1", "flat"}).out == "the files are the same\n");
}
