// import, save, load and pull, from outside.
#include "../cache/archive/sample_image.hpp"
#include "../cache/programs.hpp"
#include "../cache/temporary_folder.hpp"
#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <string>

using Json = nlohmann::json;

namespace {

struct TestStore {
  TemporaryFolder folder;
  Outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--root", (folder / "store").string()});
    return run_slipway(std::move(arguments));
  }
  std::string file(std::string_view name) { return (folder / name).string(); }
};

}  // namespace

TEST_CASE("an imported root file system is an image with the config it was given") {
  TestStore store;
  store.folder.write("root.tar", sample_tar());
  ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
  const Outcome made = store.run({"import", "-c", "CMD [\"sh\"]", "--change", "ENV A=b C=\"d e\"",
                                  "-m", "by hand", store.file("root.tar"), "base:1"});
  CHECK(made.err == "");
  REQUIRE(made.status == 0);
  const Json image = Json::parse(store.run({"inspect", "base:1"}).out).at(0);
  CHECK(image["Id"].get<std::string>() + "\n" == made.out);
  CHECK(image["Comment"] == "by hand");
  CHECK(image["Created"] == "2023-11-14T22:13:20Z");
  CHECK(image["Config"]["Cmd"] == Json({"sh"}));
  CHECK(image["Config"]["Env"] == Json({"A=b", "C=d e"}));

  SUBCASE("the same image in another store") {
    TestStore other;
    CHECK(other
              .run({"import", "-c", "CMD [\"sh\"]", "-c", "ENV A=b C=\"d e\"", "-m", "by hand",
                    store.file("root.tar")})
              .out == made.out);
  }
  SUBCASE("saved and loaded elsewhere, it is the same image") {
    for (const char* format : {"docker", "oci"}) {
      CAPTURE(format);
      TestStore other;
      CHECK(
          store.run({"save", "--format", format, "-o", store.file("saved.tar"), "base:1"}).status ==
          0);
      const Outcome loaded = other.run({"load", "-i", store.file("saved.tar")});
      CHECK(loaded.out == "Loaded image: base:1\n");
      CHECK(Json::parse(other.run({"inspect", "base:1"}).out).at(0)["Id"] == image["Id"]);
    }
  }
  ::unsetenv("SOURCE_DATE_EPOCH");
}

TEST_CASE("a change that an image's config cannot hold is quoted") {
  TestStore store;
  store.folder.write("root.tar", sample_tar());
  const Outcome refused = store.run({"import", "-c", "RUN make", store.file("root.tar")});
  CHECK(refused.status == 1);
  CHECK(refused.err.find("--change:1:1: error: --change cannot do this\n    1 | RUN make\n") == 0);
  CHECK(store.run({"images", "-aq"}).out == "");
}

TEST_CASE("what is no archive, no image and no registry is said plainly") {
  TestStore store;
  store.folder.write("text", "no tar\n");
  CHECK(store.run({"load", "-i", store.file("text")}).status == 1);
  CHECK(store.run({"load", "-i", store.file("none")}).err.find("No such file") !=
        std::string::npos);
  CHECK(store.run({"save", "-o", store.file("x.tar"), "nothing"}).status == 1);
  CHECK_FALSE(std::filesystem::exists(store.file("x.tar")));
  // Port 1 of this machine: nobody listens there.
  const Outcome unanswered = store.run({"pull", "127.0.0.1:1/app:2"});
  CHECK(unanswered.status == 1);
  CHECK(unanswered.err.find("registry \"127.0.0.1:1\" does not answer: ") != std::string::npos);
  CHECK(unanswered.err.find("hint: ") != std::string::npos);
}

TEST_CASE("a name without a tag is saved with all its tags, and goes through a compressing pipe") {
  TestStore store;
  TestStore other;
  store.folder.write("root.tar", sample_tar());
  REQUIRE(store.run({"import", store.file("root.tar"), "team/base:1"}).status == 0);
  REQUIRE(store.run({"tag", "team/base:1", "team/base:2"}).status == 0);
  const std::string program = SLIPWAY_PROGRAM;
  for (const std::string packer : {"gzip", "xz", "bzip2", "zstd -q"}) {
    CAPTURE(packer);
    CHECK(output_of(program + " --root " + store.file("store") + " save team/base | " + packer +
                    " | " + program + " --root " + other.file("store") + " load -q") ==
          "Loaded image: team/base:1\nLoaded image: team/base:2\n");
  }
  CHECK(other.run({"load", "--platform", "linux/s390x", "-i", store.file("none")}).status == 1);
  REQUIRE(store.run({"save", "-o", store.file("saved.tar"), "team/base:1"}).status == 0);
  CHECK(other.run({"load", "--platform", "linux/s390x", "-i", store.file("saved.tar")})
            .err.find("no variant of the image for linux/s390x") != std::string::npos);
}
