#include "../cache/registry/docker_registry.hpp"
#include "../cache/registry/http_server.hpp"
#include "../cache/temporary_folder.hpp"
#include "program.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

using Json = nlohmann::json;

namespace {

Outcome search(std::vector<std::string> arguments) {
  const TemporaryFolder home;
  arguments.insert(arguments.begin(), "search");
  return run_slipway(std::move(arguments), {}, {{"DOCKER_CONFIG", home.path().string()}});
}

// A registry with a search, as the Hub's is.
HttpServer::Reply hub(const HttpServer::Request& request) {
  if (!request.path.starts_with("/v1/search?")) return {.status = 404};
  const Json results = {{{"name", "busybox"},
                         {"description", "Busybox base\nimage."},
                         {"star_count", 325},
                         {"is_official", true}},
                        {{"name", "progrium/busybox"},
                         {"description", ""},
                         {"star_count", 50},
                         {"is_official", false}},
                        {{"name", "long/one"},
                         {"description", std::string(60, 'x') + "\x1b[31m"},
                         {"star_count", 2},
                         {"is_official", false}}};
  return {.headers = {{"Content-Type", "application/json"}},
          .body = Json{{"results", results}}.dump()};
}

}  // namespace

TEST_CASE("search prints docker's table") {
  const HttpServer server(hub);
  const std::string at = server.address();
  CHECK(search({at + "/busybox"}).out ==
        "NAME" + std::string(at.size() + 17 - 4 + 3, ' ') +
            "DESCRIPTION                                     STARS     OFFICIAL\n" + at +
            "/busybox            Busybox base image.                             325       [OK]\n" +
            at +
            "/progrium/busybox                                                   50        \n" +
            at + "/long/one           " + std::string(44, 'x') + "…   2         \n");
  CHECK(server.requests().front().path.find("q=busybox&n=25") != std::string::npos);
  const std::string whole = search({"--no-trunc", "--limit", "7", at + "/busybox"}).out;
  CHECK(whole.find(std::string(60, 'x') + " [31m") != std::string::npos);
  CHECK(server.requests().back().path.find("n=7") != std::string::npos);
}

TEST_CASE("search filters and formats") {
  const HttpServer server(hub);
  const std::string at = server.address();
  const auto names = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--format", "{{.Name}} {{.StarCount}}", at + "/busybox"});
    return search(arguments).out;
  };
  CHECK(names({"--filter", "stars=50"}) == at + "/busybox 325\n" + at + "/progrium/busybox 50\n");
  CHECK(names({"--filter", "stars=3", "--filter", "is-official=false"}) ==
        at + "/progrium/busybox 50\n");
  CHECK(names({"-f", "is-official=true"}) == at + "/busybox 325\n");
  CHECK(names({"--filter", "is-automated=true"}) == "");
  const Outcome json = search({"--format", "json", "--filter", "stars=300", at + "/busybox"});
  const Json line = Json::parse(json.out);
  CHECK(line["IsOfficial"] == "true");
  CHECK(line["StarCount"] == "325");
  CHECK(
      search({"--format", "table {{.Name}}\\t{{.IsOfficial}}", "--filter", "stars=300", at + "/b"})
          .out.find("OFFICIAL\n") != std::string::npos);

  CHECK(search({"--filter", "stars=many", at + "/b"}).status == 1);
  CHECK(search({"--filter", "colour=red", at + "/b"}).status == 1);
  CHECK(search({"--filter", "stars", at + "/b"}).status == 125);
  CHECK(search({"--limit", "101", at + "/b"}).status == 1);
  CHECK(search({"--limit", "some", at + "/b"}).status == 125);
  CHECK(search({"https://" + at + "/b"}).status == 1);
  CHECK(search({}).status == 1);
}

TEST_CASE("a registry without a search has a list of names") {
  if (!has_programs({"docker-registry"})) return;
  const DockerRegistry registry;
  const std::filesystem::path repositories =
      registry.folder() / "storage/docker/registry/v2/repositories";
  for (const char* name : {"team/app", "team/other", "alone"})
    std::filesystem::create_directories(repositories / name / "_layers");
  const std::string at = registry.address();
  CHECK(search({"--format", "{{.Name}}", at + "/team"}).out ==
        at + "/team/app\n" + at + "/team/other\n");
  CHECK(search({"--format", "{{.Name}}", at + "/"}).out ==
        at + "/alone\n" + at + "/team/app\n" + at + "/team/other\n");
  CHECK(search({"--format", "{{.Name}}", "--limit", "1", at + "/"}).out == at + "/alone\n");
  const Outcome stars = search({"--filter", "stars=1", "--format", "{{.Name}}", at + "/"});
  CHECK(stars.out.empty());
  CHECK(stars.err.find("names only") != std::string::npos);
}
