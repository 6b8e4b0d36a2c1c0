#include "../cache/store_fixture.hpp"
#include "../cache/temporary_folder.hpp"
#include "program.hpp"

#include <cache/images/store.hpp>
#include <cache/state_directory.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <ctime>
#include <sstream>
#include <string>

using namespace slipway;
using Json = nlohmann::json;

namespace {

// A store with images that have layers in its database and no files.
struct TestStore {
  TemporaryFolder folder;
  StateDirectory state{folder.path()};
  Database database{state.root() / "slipway.db"};
  ImageStore images{database};

  Digest put(const std::string& step, const std::string& created, std::uint64_t size = 12'600'000) {
    const LayerRef layer = add_layer(database, step, size);
    ImageConfig config;
    config.created = created;
    config.platform = {"linux", "amd64", ""};
    config.env = {"PATH=/bin"};
    config.diff_ids = {layer.diff_id};
    config.history = {{created, step, "", "by a test", false},
                      {created, "CMD [\"sh\"]", "", "", true}};
    return images.put(write_image_config(config));
  }
  void tag(const std::string& name, const Digest& id) { images.tag(parse_reference(name), id); }
  Outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--root", folder.path().string()});
    return run_slipway(std::move(arguments));
  }
};

std::string short_of(const Digest& id) { return id.hex().substr(0, 12); }

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string years_ago(int years) {
  const std::time_t time = std::time(nullptr) - years * 365L * 86400 - 86400;
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&time));
  return text;
}

}  // namespace

TEST_CASE("images prints docker's table, newest first") {
  TestStore store;
  CHECK(store.run({"images"}).out == "REPOSITORY   TAG   IMAGE ID   CREATED   SIZE\n");
  const Digest old = store.put("old", years_ago(5));
  const Digest young = store.put("young", years_ago(3), 999);
  const Digest dangling = store.put("dangling", "", 1'234'567'890);
  store.tag("debian:bookworm", old);
  store.tag("registry.example/app:1", old);
  store.tag("team/app", young);
  CHECK(lines_of(store.run({"images"}).out) ==
        std::vector<std::string>{
            "REPOSITORY             TAG        IMAGE ID       CREATED       SIZE",
            "team/app               latest     " + short_of(young) + "   3 years ago   999B",
            "debian                 bookworm   " + short_of(old) + "   5 years ago   12.6MB",
            "registry.example/app   1          " + short_of(old) + "   5 years ago   12.6MB",
            "<none>                 <none>     " + short_of(dangling) + "   N/A           1.23GB"});
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
  CHECK(store.run({"images", "--format", "{{.ID}}"}).status == 1);
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
}

TEST_CASE("history tells the steps backwards, with the size each one added") {
  TestStore store;
  const std::string step = "RUN " + std::string(60, 'x') + "\x1b[2J";
  const Digest id = store.put(step, years_ago(4));
  store.tag("app", id);
  CHECK(lines_of(store.run({"history", "app"}).out) ==
        std::vector<std::string>{
            "IMAGE          CREATED       CREATED BY                                      SIZE     "
            "COMMENT",
            short_of(id) + "   4 years ago   CMD [\"sh\"]                                      0B  "
                           "     ",
            "<missing>      4 years ago   RUN " + std::string(40, 'x') +
                "…   12.6MB   by a test"});
  const auto lines = lines_of(store.run({"history", "--no-trunc", "--format=json", "app"}).out);
  REQUIRE(lines.size() == 2);
  CHECK(Json::parse(lines[0])["ID"] == id.text());
  CHECK(Json::parse(lines[1])["CreatedBy"] == "RUN " + std::string(60, 'x') + " [2J");
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
  CHECK(forced.status == 1);  // "nothing" is not there; the others went all the same
  CHECK(forced.out == "Untagged: app:latest\nUntagged: registry.example/app:latest\nDeleted: " +
                          id.text() + "\nDeleted: " + other.text() + "\n");
}
