// The commands about images, as a user runs them.
#include "image_fixture.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace slipway;
using Json = nlohmann::json;

TEST_CASE("images prints docker's table, newest first") {
  TestStore store;
  CHECK(store.run({"images"}).out == "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n");
  const Digest old = store.put("old", years_ago(5));
  const Digest young = store.put("young", years_ago(3), 999);
  const Digest dangling = store.put("dangling", "", 1'234'567'890);
  store.tag("debian:bookworm", old);
  store.tag("registry.example/app:1", old);
  store.tag("team/app", young);
  std::vector<std::string> expected{
      "REPOSITORY             TAG        IMAGE ID       CREATED       SIZE",
      "team/app               latest     " + short_of(young) + "   3 years ago   999B",
      "debian                 bookworm   " + short_of(old) + "   5 years ago   12.6MB",
      "registry.example/app   1          " + short_of(old) + "   5 years ago   12.6MB"};
  CHECK(lines_of(store.run({"images"}).out) == expected);
  CHECK(store.run({"image", "ls"}).out == store.run({"images"}).out);
  CHECK(store.run({"image", "list"}).out == store.run({"images"}).out);
  expected.push_back("<none>                 <none>     " + short_of(dangling) +
                     "   N/A           1.23GB");
  CHECK(lines_of(store.run({"images", "-a"}).out) == expected);
}

TEST_CASE("images shows IDs alone, whole IDs, digests, one repository, JSON") {
  TestStore store;
  const Digest app = store.put("app", years_ago(1));
  const Digest other = store.put("other", years_ago(2));
  const Digest manifest = sha256("manifest");
  store.tag("app:1", app);
  store.tag("app@" + manifest.text(), app);
  store.tag("app:2", other);
  store.tag("lib@" + manifest.text(), other);

  CHECK(store.run({"images", "-q", "app:1"}).out == short_of(app) + "\n");
  CHECK(store.run({"images", "-q", "--no-trunc", "app:1"}).out == app.text() + "\n");
  CHECK(lines_of(store.run({"images", "-q", "app"}).out).size() == 2);
  CHECK(store.run({"images", "-q", "nothing"}).out.empty());

  const auto digests = lines_of(store.run({"images", "--digests", "app:1"}).out);
  REQUIRE(digests.size() == 2);
  CHECK(digests[0].find("DIGEST") != std::string::npos);
  CHECK(digests[1].find(manifest.text()) != std::string::npos);

  const auto lines = lines_of(store.run({"images", "--format", "json", "lib"}).out);
  REQUIRE(lines.size() == 1);
  const Json line = Json::parse(lines[0]);
  CHECK(line["Repository"] == "lib");
  CHECK(line["Tag"] == "<none>");
  CHECK(line["Digest"] == manifest.text());
  CHECK(line["ID"] == short_of(other));
  CHECK(line["Size"] == "12.6MB");
}

TEST_CASE("inspect gives docker's JSON, and what is missing after it") {
  TestStore store;
  const Digest id = store.put("RUN make", "2026-01-02T03:04:05Z");
  store.tag("app", id);
  store.tag("app@" + sha256("manifest").text(), id);
  const Outcome outcome = store.run({"inspect", "app", "nothing-like-it", short_of(id)});
  CHECK(outcome.status == 1);
  CHECK(outcome.err.find("there is no image \"nothing-like-it\"") != std::string::npos);
  const Json list = Json::parse(outcome.out);
  REQUIRE(list.size() == 2);
  CHECK(list[0] == list[1]);
  CHECK(list[0]["Id"] == id.text());
  CHECK(list[0]["RepoTags"] == Json::array({"app:latest"}));
  CHECK(list[0]["RepoDigests"] == Json::array({"app@" + sha256("manifest").text()}));
  CHECK(list[0]["Created"] == "2026-01-02T03:04:05Z");
  CHECK(list[0]["Config"]["Env"] == Json::array({"PATH=/bin"}));
  CHECK(list[0]["Architecture"] == "amd64");
  CHECK(list[0]["Size"] == 12'600'000);
  CHECK(list[0]["RootFS"]["Layers"] == Json::array({sha256("RUN make").text()}));
  CHECK(list[0]["Metadata"]["LastTagTime"].get<std::string>().starts_with("20"));
  // As docker: the list in one line.
  const Outcome line = store.run({"inspect", "--format=json", "app"});
  CHECK(lines_of(line.out).size() == 1);
  CHECK(Json::parse(line.out)[0] == list[0]);
  CHECK(store.run({"inspect", "nothing"}).out == "[]\n");
  CHECK(store.run({"image", "inspect", "app"}).out ==
        store.run({"inspect", "--type=image", "app"}).out);
  CHECK(store.run({"inspect", "--type=container", "app"}).status == 1);
}

TEST_CASE("history tells the steps backwards, with the size each one added") {
  TestStore store;
  const std::string step = "RUN " + std::string(60, 'x') + "\x1b[2J";
  const Digest id = store.put(step, years_ago(4));
  store.tag("app", id);
  CHECK(
      lines_of(store.run({"history", "app"}).out) ==
      std::vector<std::string>{
          "IMAGE          CREATED       CREATED BY                                      SIZE      "
          "COMMENT",
          short_of(id) + "   4 years ago   CMD [\"sh\"]                                      0B  "
                         "      ",
          "<missing>      4 years ago   RUN " + std::string(40, 'x') + "…   12.6MB    by a test"});
  const auto lines = lines_of(store.run({"history", "--no-trunc", "--format=json", "app"}).out);
  REQUIRE(lines.size() == 2);
  CHECK(Json::parse(lines[0])["ID"] == id.text());
  // JSON is as it is: its escapes are no terminal's.
  CHECK(Json::parse(lines[1])["CreatedBy"] == step);
  CHECK(lines[1].find('\x1b') == std::string::npos);
  CHECK(store.run({"history", "--no-trunc", "--format", "{{.CreatedBy}}", "app"}).out ==
        "CMD [\"sh\"]\nRUN " + std::string(60, 'x') + " [2J\n");
  CHECK(store.run({"history", "--format", "table {{.ID}}\\t{{.Size}}", "app"}).out ==
        "IMAGE          SIZE\n" + short_of(id) + "   0B\n<missing>      12.6MB\n");
  CHECK(store.run({"history", "--platform", "linux/s390x", "app"}).status == 1);
  CHECK(store.run({"image", "history", "--platform", "linux/amd64", "-q", "app"}).status == 0);
  CHECK(store.run({"history", "-q", "app"}).out == short_of(id) + "\n<missing>\n");
  CHECK(lines_of(store.run({"history", "--human=false", "app"}).out)[2].find("12600000") !=
        std::string::npos);
}

TEST_CASE("tag gives another name; a digest cannot be given") {
  TestStore store;
  const Digest id = store.put("layer", "");
  CHECK(store.run({"tag", id.text(), "app:1"}).status == 0);
  CHECK(store.run({"tag", "app:1", "localhost:5000/app"}).status == 0);
  CHECK(store.images.names(id).size() == 2);
  CHECK(store.run({"tag", "app:1", "app@" + sha256("x").text()}).status == 1);
  CHECK(store.run({"tag", "app:1", "UPPER"}).status == 1);
  CHECK(store.run({"tag", "absent", "app:2"}).status == 1);
  CHECK(store.images.names(id).size() == 2);
}

TEST_CASE("rmi takes a name away, and the image with the last one") {
  TestStore store;
  const Digest id = store.put("layer", "");
  store.tag("app:1", id);
  store.tag("app:2", id);
  store.tag("app@" + sha256("manifest").text(), id);
  CHECK(store.run({"rmi", "app:1"}).out == "Untagged: app:1\n");
  const Outcome last = store.run({"rmi", "app:2"});
  CHECK(last.status == 0);
  CHECK(last.out == "Untagged: app:2\nUntagged: app@" + sha256("manifest").text() +
                        "\nDeleted: " + id.text() + "\n");
  CHECK(store.images.list().empty());
  CHECK(store.run({"rmi", "app:2"}).status == 1);
}

TEST_CASE("rmi by ID spares an image with several names, unless it is forced") {
  TestStore store;
  const Digest id = store.put("layer", "");
  store.tag("app", id);
  store.tag("registry.example/app", id);
  const Outcome refused = store.run({"rmi", short_of(id)});
  CHECK(refused.status == 1);
  CHECK(refused.out.empty());
  CHECK(refused.err.find("several names") != std::string::npos);
  CHECK(store.images.names(id).size() == 2);

  const Digest other = store.put("other", "");
  const Outcome forced = store.run({"rmi", "-f", "nothing", short_of(id), other.text()});
  CHECK(forced.status == 0);  // "nothing" is not there, which is what was asked for
  CHECK(forced.err.find("there is no image \"nothing\"") != std::string::npos);
  CHECK(forced.out == "Untagged: app:latest\nUntagged: registry.example/app:latest\nDeleted: " +
                          id.text() + "\nDeleted: " + other.text() + "\n");
}

TEST_CASE("rmi takes what registries call an image away with its last name there") {
  TestStore store;
  const Digest id = store.put("layer", "");
  store.tag("app:1", id);
  store.tag("app:2", id);
  store.tag("registry.example/app", id);
  const Digest manifest = sha256("manifest");
  ImageFacts facts(store.database);
  facts.put_digest(id, parse_reference("app"), manifest);
  CHECK(store.run({"rmi", "app:1"}).out == "Untagged: app:1\n");
  CHECK(facts.digests(id).size() == 1);
  CHECK(store.run({"rmi", "app:2"}).out ==
        "Untagged: app:2\nUntagged: app@" + manifest.text() + "\n");
  CHECK(facts.digests(id).empty());

  // By its digest all names that the repository has for it.
  facts.put_digest(id, parse_reference("registry.example/app"), manifest);
  store.tag("registry.example/app:2", id);
  CHECK(store.run({"rmi", "registry.example/app@" + manifest.text()}).out ==
        "Untagged: registry.example/app:2\nUntagged: registry.example/app:latest\n"
        "Untagged: registry.example/app@" +
            manifest.text() + "\nDeleted: " + id.text() + "\n");
}

TEST_CASE("rmi --platform takes one platform out of an image of several") {
  TestStore store;
  const Digest amd64 = store.put("amd64 layer", "");
  const Digest arm64 = store.put("arm64 layer", "", 500, {}, {"linux", "arm64", ""});
  const Digest riscv = store.put("riscv layer", "", 500, {}, {"linux", "riscv64", ""});
  store.tag("multi", store.images.put_index({amd64, arm64, riscv}));
  store.tag("pair", store.images.put_index({arm64, riscv}));
  CHECK(store.run({"rmi", "--platform", "linux/arm64", "multi"}).status == 1);  // needs --force
  CHECK(store.run({"rmi", "-f", "--platform", "linux/s390x", "multi"}).status == 1);
  CHECK(store.run({"rmi", "-f", "--platform", "linux/arm64", "multi"}).out ==
        "Deleted: " + arm64.text() + "\n");
  CHECK_FALSE(store.images.find(arm64).has_value());
  CHECK(store.images.platforms(parse_reference("multi")).size() == 2);
  CHECK(store.images.resolve("pair") == riscv);
  CHECK(store.run({"rmi", "-f", "--platform=linux/amd64", "multi"}).status == 0);
  CHECK(store.images.resolve("multi") == riscv);
}

TEST_CASE("image prune removes what has no name, and with -a everything, as far as it is meant") {
  TestStore store;
  const Digest old = store.put("old", "2020-01-01T00:00:00Z");
  const Digest kept = store.put("kept", "2020-01-01T00:00:00Z", 1000, {{"keep", ""}});
  const Digest dangling = store.put("dangling", "2024-01-01T00:00:00Z");
  const Digest stays = store.put("stays", "2020-06-01T00:00:00Z", 1000, {{"keep", "1"}});
  store.tag("old:1", old);
  store.tag("old:2", old);
  store.tag("kept", kept);

  const Outcome asked = store.run({"image", "prune"});  // standard input says nothing
  CHECK(asked.status == 0);
  CHECK(
      asked.out ==
      "WARNING! This will remove all dangling images.\nAre you sure you want to continue? [y/N] ");
  CHECK(store.run({"image", "prune", "--filter", "reference=x"}).status == 1);

  CHECK(store.run({"image", "prune", "-f", "--filter", "label=keep=2"}).out ==
        "Total reclaimed space: 0B\n");
  const Outcome first = store.run({"image", "prune", "-f", "--filter", "label!=keep"});
  CHECK(first.out.find("Deleted Images:\ndeleted: " + dangling.text() +
                       "\n\nTotal reclaimed space: ") == 0);
  const Outcome second = store.run(
      {"image", "prune", "-af", "--filter", "until=2020-03-01", "--filter", "label!=keep"});
  CHECK(second.out.find("Deleted Images:\nuntagged: old:1\nuntagged: old:2\ndeleted: " +
                        old.text() + "\n\nTotal reclaimed space: ") == 0);
  CHECK(store.run({"image", "prune", "--all", "--force"}).out.find("untagged: kept:latest\n") !=
        std::string::npos);
  CHECK(store.images.list().empty());
  (void)stays;
}

TEST_CASE("slipway image is the same commands under docker's other names") {
  TestStore store;
  const Outcome help = store.run({"image", "--help"});
  CHECK(help.status == 0);
  for (const char* name : {"build", "history", "import", "inspect", "load", "ls", "prune", "pull",
                           "push", "rm", "save", "tag"})
    CHECK(help.out.find(std::string("\n  ") + name + " ") != std::string::npos);
  CHECK(store.run({"image"}).status == 1);
  CHECK(store.run({"image"}).err == help.out);
  CHECK(store.run({"image", "lss"}).err.find("did you mean \"ls\"?") != std::string::npos);
  CHECK(store.run({"image", "ls", "--help"}).out.find("slipway image ls") != std::string::npos);
  CHECK(run_slipway({"help", "image", "ls"}).out == store.run({"image", "ls", "--help"}).out);
  const Digest id = store.put("layer", "");
  CHECK(store.run({"image", "tag", id.text(), "app"}).status == 0);
  CHECK(store.run({"image", "remove", "app"}).out ==
        "Untagged: app:latest\nDeleted: " + id.text() + "\n");
}
