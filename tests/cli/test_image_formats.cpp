// Which images `images` and `inspect` show, and how.
#include "image_fixture.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace slipway;
using Json = nlohmann::json;

TEST_CASE("images are chosen by name, pattern, label and time") {
  TestStore store;
  const Digest old = store.put("old", "2020-01-01T00:00:00Z", 1000, {{"stage", "old"}});
  const Digest middle =
      store.put("middle", "2022-01-01T00:00:00Z", 1000, {{"stage", "new"}, {"keep", ""}});
  const Digest young = store.put("young", "2024-01-01T00:00:00Z", 1000, {{"stage", "new"}});
  store.put("dangling", "2023-01-01T00:00:00Z");
  store.tag("app:1.0", old);
  store.tag("app:1.1", middle);
  store.tag("registry.example/team/app:2", young);
  const auto chosen = [&](std::vector<std::string> arguments) {
    std::vector<std::string> words{"images", "--format", "{{.Repository}}:{{.Tag}}"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    const Outcome outcome = store.run(words);
    return outcome.status == 0 ? outcome.out : "status " + std::to_string(outcome.status);
  };
  CHECK(chosen({"app"}) == "app:1.1\napp:1.0\n");
  CHECK(chosen({"app:1.0"}) == "app:1.0\n");
  CHECK(chosen({"docker.io/library/app:1.0"}) == "app:1.0\n");
  CHECK(chosen({"app:1.*"}) == "app:1.1\napp:1.0\n");
  CHECK(chosen({"ap"}) == "");
  CHECK(chosen({"*/team/*"}) == "registry.example/team/app:2\n");
  CHECK(chosen({"-f", "reference=a*:?.0", "-f", "reference=registry.example/*/*"}) ==
        "registry.example/team/app:2\napp:1.0\n");
  CHECK(chosen({"--filter", "label=stage"}) == "registry.example/team/app:2\napp:1.1\napp:1.0\n");
  CHECK(chosen({"--filter", "label=stage=new", "--filter", "label=keep"}) == "app:1.1\n");
  CHECK(chosen({"--filter", "label=stage=none"}) == "");
  CHECK(chosen({"--filter", "before=app:1.1"}) == "app:1.0\n");
  CHECK(chosen({"--filter", "since=" + short_of(old)}) == "registry.example/team/app:2\napp:1.1\n");
  CHECK(chosen({"--filter", "until=2021-06-01"}) == "app:1.0\n");
  CHECK(chosen({"--filter", "dangling=true"}) == "<none>:<none>\n");
  CHECK(chosen({"-a", "--filter", "dangling=false", "app"}) == "app:1.1\napp:1.0\n");
  CHECK(chosen({"--filter", "since=nothing"}) == "status 1");
  CHECK(chosen({"--filter", "colour=red"}) == "status 1");
  CHECK(chosen({"--filter", "dangling=maybe"}) == "status 1");
  CHECK(chosen({"--filter", "dangling"}) == "status 125");
  CHECK(chosen({"[a-"}) == "status 1");
  CHECK(store.run({"images", "ls"}).err.find("did you mean \"slipway image ls\"?") !=
        std::string::npos);
}

TEST_CASE("images has docker's formats") {
  TestStore store;
  const Digest id = store.put("app", years_ago(2));
  store.tag("app:1", id);
  store.tag("other", id);
  const auto formatted = [&](const std::string& format) {
    return store.run({"images", "--format", format}).out;
  };
  CHECK(formatted("{{.Repository}}") == "app\nother\n");
  CHECK(formatted("  {{.Tag | upper}}|{{.Size}}  ") == "1|12.6MB\nLATEST|12.6MB\n");
  CHECK(formatted("{{.Repository}}\\t{{.Tag}}") == "app\t1\nother\tlatest\n");
  CHECK(formatted("table {{.ID}}\\t{{.Repository}}") ==
        "IMAGE ID       REPOSITORY\n" + short_of(id) + "   app\n" + short_of(id) + "   other\n");
  CHECK(formatted("table {{.Repository}}\\t{{.CreatedSince}}\\t{{lower .Tag}}") ==
        "REPOSITORY   CREATED       TAG\napp          2 years ago   1\n"
        "other        2 years ago   latest\n");
  CHECK(formatted("table") == store.run({"images"}).out);
  CHECK(formatted("raw").find("repository: app\ntag: 1\nimage_id: " + short_of(id) + "\n") == 0);
  CHECK(formatted("{{json .Tag}}") == "\"1\"\n\"latest\"\n");
  CHECK(lines_of(formatted("{{json .}}")).size() == 2);
  CHECK(formatted("{{.CreatedAt}}").find(" +0000 ") != std::string::npos);
  CHECK(store.run({"images", "-q"}).out == short_of(id) + "\n" + short_of(id) + "\n");

  const Outcome mistake = store.run({"images", "--format", "{{.Tga}}"});
  CHECK(mistake.status == 1);
  CHECK(mistake.out.empty());
  CHECK(mistake.err ==
        "--format:1:4: error: there is no field \"Tga\"\n    1 | {{.Tga}}\n      |    ^~~\n"
        "hint: did you mean \"Tag\"?\n");
  CHECK(store.run({"images", "--format", "{{.Tag"}).status == 1);
}

TEST_CASE("images --tree shows the platforms of each image") {
  TestStore store;
  const Digest amd64 = store.put("amd64 layer", years_ago(1));
  const Digest arm64 =
      store.put("arm64 layer", years_ago(1), 1'000'000, {}, {"linux", "arm64", "v8"});
  const Digest index = store.images.put_index({amd64, arm64});
  store.tag("multi:1", index);
  store.tag("alone", store.put("alone", years_ago(1), 2000));
  const std::vector<std::string> lines = lines_of(store.run({"images", "--tree"}).out);
  REQUIRE(lines.size() == 7);
  CHECK(lines[0] == "IMAGE               ID             DISK USAGE   CONTENT SIZE");
  CHECK(lines[1].find("alone:latest ") == 0);
  CHECK(lines[2].find("└─ linux/amd64") == 0);
  CHECK(lines[3].empty());
  CHECK(lines[4].find("multi:1             " + short_of(index) + "       13.6MB") == 0);
  CHECK(lines[5].find("├─ linux/amd64      " + short_of(amd64) + "       12.6MB") == 0);
  CHECK(lines[6].find("└─ linux/arm64/v8   " + short_of(arm64) + "          1MB") == 0);
  for (const char* flag : {"-q", "--no-trunc", "--digests", "--format=json"})
    CHECK(store.run({"images", "--tree", flag}).status == 1);
}

TEST_CASE("images --digests shows what registries call an image, a row for each") {
  TestStore store;
  const Digest id = store.put("app", years_ago(1));
  store.tag("app:1", id);
  store.tag("registry.example/app:2", id);
  const Digest first = sha256("first");
  const Digest second = sha256("second");
  ImageFacts facts(store.database);
  facts.put_digest(id, parse_reference("app"), first);
  facts.put_digest(id, parse_reference("registry.example/app"), second);
  const std::string format = "{{.Repository}}:{{.Tag}} {{.Digest}}";
  CHECK(store.run({"images", "--digests", "--format", format}).out ==
        "app:1 " + first.text() + "\nregistry.example/app:2 " + second.text() + "\n");
  CHECK(lines_of(store.run({"images", "--digests", "--format", "table {{.Tag}}"}).out)[1] ==
        "1         " + first.text());
  facts.put_digest(id, parse_reference("app"), second);
  CHECK(lines_of(store.run({"images", "--digests", "app"}).out).size() == 3);
  CHECK(lines_of(store.run({"images", "app"}).out).size() == 2);
  CHECK(store.run({"images", "-q", "--no-trunc", "app@" + first.text()}).out == "");
  CHECK(store.run({"inspect", "-f", "{{.Id}}", "app@" + first.text()}).out == id.text() + "\n");
  CHECK(store.run({"inspect", "other@" + first.text()}).status == 1);
}

TEST_CASE("inspect applies a template to each image") {
  TestStore store;
  const Digest id = store.put("RUN make", "2026-01-02T03:04:05Z", 1000,
                              {{"com.example/name", "a\nb"}, {"plain", "yes"}});
  store.tag("app", id);
  const auto shown = [&](const std::string& format) {
    const Outcome outcome = store.run({"inspect", "-f", format, "app"});
    return outcome.status == 0 ? outcome.out
                               : outcome.err.substr(0, outcome.err.find('\n')) + " " +
                                     std::to_string(outcome.status);
  };
  CHECK(shown("{{.Id}}") == id.text() + "\n");
  CHECK(shown("{{json .Config.Env}} {{index .RepoTags 0}}") == "[\"PATH=/bin\"] app:latest\n");
  CHECK(shown("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}") ==
        "com.example/name=a\nb;plain=yes;\n");
  CHECK(shown("{{index .Config.Labels \"plain\"}} {{.Config.Labels.plain}}") == "yes yes\n");
  CHECK(shown("[{{index .Config.Labels \"absent\"}}] {{.Config.Labels.absent}}") ==
        "[] <no value>\n");
  // What an image does not have is empty, and not shown.
  CHECK(
      shown("{{.Config.User}}|{{.Config.Cmd}}|{{len .Config.ExposedPorts}}|{{.Config.Healthcheck}}|"
            "{{.Author}}|{{if .Config.Entrypoint}}a{{else}}b{{end}}") == "|[]|0|<nil>||b\n");
  CHECK(shown("{{json .Config}}").find("Cmd") == std::string::npos);
  CHECK(shown("{{.Size}} {{.Os}}/{{.Architecture}}") == "1000 linux/amd64\n");
  CHECK(shown("{{.Sise}}") == "--format:1:4: error: there is no field \"Sise\" 1");
  CHECK(shown("{{.Id") == "--format:1:1: error: the action has no \"}}\" 64");
  CHECK(store.run({"inspect", "-f", "{{.Id}}", "app", "absent", short_of(id)}).out ==
        id.text() + "\n" + id.text() + "\n");
}

TEST_CASE("inspect of an image of several platforms lists them") {
  TestStore store;
  const Digest amd64 = store.put("amd64 layer", "2026-01-02T03:04:05Z");
  const Digest arm64 =
      store.put("arm64 layer", "2026-01-02T03:04:05Z", 500, {}, {"linux", "arm64", ""});
  const Digest index = store.images.put_index({amd64, arm64});
  store.tag("multi", index);
  ImageFacts(store.database)
      .put_manifest(arm64, {"application/vnd.oci.image.manifest.v1+json", "{}"});
  const Json whole = Json::parse(store.run({"inspect", "multi"}).out)[0];
  CHECK(whole["Id"] == index.text());
  CHECK(whole["Manifests"][0]["Descriptor"]["digest"] == amd64.text());
  CHECK(whole["Manifests"][1]["ImageData"]["Platform"]["architecture"] == "arm64");
  CHECK(whole["Manifests"][1]["ImageData"]["Size"]["Unpacked"] == 500);
  CHECK(whole["Manifests"][1]["Descriptor"]["digest"] == sha256("{}").text());
  const Json arm = Json::parse(store.run({"inspect", "--platform=linux/arm64", "multi"}).out)[0];
  CHECK(arm["Id"] == arm64.text());
  CHECK(arm["Descriptor"]["size"] == 2);
  CHECK(store.run({"inspect", "--platform=linux/s390x", "multi"}).status == 1);
}
