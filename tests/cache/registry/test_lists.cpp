// Tags, referrers and repositories: lists that come in pages, and those that registries do not
// keep.
#include "../../executor/process_variables.hpp"
#include "../temporary_folder.hpp"
#include "client_fixture.hpp"

#include <cache/registry/pull.hpp>
#include <cache/registry/search.hpp>

#include <nlohmann/json.hpp>

#include <map>

using namespace slipway;
using Json = nlohmann::json;

namespace {

// Manifests by tag and digest, as any registry has them; no list of referrers.
struct OldRegistry {
  std::map<std::string, std::string> manifests;
  HttpServer server{[this](const Request& request) -> Reply {
    const std::string start = "/v2/app/manifests/";
    if (!request.path.starts_with(start)) return {.status = 404};
    const std::string name = request.path.substr(start.size());
    if (request.method == "PUT") {
      manifests[name] = request.body;
      return {.status = 201};
    }
    if (!manifests.contains(name)) return {.status = 404};
    return {.headers = {{"Content-Type", std::string(media_type::oci_index)}},
            .body = manifests[name]};
  }};
};

RegistryClient client_at(const HttpServer& server) {
  return RegistryClient(parse_reference(server.address() + "/app"), {}, {}, little_patience);
}

std::string referring(const Digest& subject, const std::string& rest) {
  return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)" + rest +
         R"("config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":")" +
         sha256("{}").text() + R"(","size":2},"layers":[],"subject":{"mediaType":"x","digest":")" +
         subject.text() + R"(","size":1}})";
}

}  // namespace

TEST_CASE("tags are read from page to page") {
  const HttpServer server([](const Request& request) -> Reply {
    if (request.path == "/v2/app/tags/list?n=1000")
      return {.headers = {{"Link", R"(</v2/app/tags/list?last=b&n=2>; rel="next")"}},
              .body = R"({"name":"app","tags":["a","b"]})"};
    if (request.path == "/v2/app/tags/list?last=b&n=2")
      return {.headers = {{"Link", R"(<list?last=c>; rel="next")"}},
              .body = R"({"name":"app","tags":["c",1,null]})"};
    return {.body = R"({"name":"app","tags":null})"};
  });
  CHECK(client_at(server).tags() == std::vector<std::string>{"a", "b", "c"});
  CHECK(server.requests().back().path == "/v2/app/tags/list?last=c");
}

TEST_CASE("a tag that no name has is refused, and one that is too long for a tag is left out") {
  const TemporaryFolder home;
  const ProcessVariables variables{{"DOCKER_CONFIG", home.path().string()}};
  const std::string about = "sha256-" + std::string(64, 'd');
  Json tags = {"a", std::string(128, 'b'), std::string(129, 'c'), about, about + ".sig"};
  const HttpServer server([&](const Request&) -> Reply {
    return {.body = Json{{"tags", tags}}.dump()};
  });
  const Reference name = parse_reference(server.address() + "/app");
  const auto all = tagged_names(name);
  REQUIRE(all.size() == 2);
  CHECK(all[0] == parse_reference(server.address() + "/app:a"));
  CHECK(all[1].tag == std::string(128, 'b'));
  for (const char* tag : {"-x", "a/b", "a\x1b[2Jb", "", "a@sha256:0"}) {
    CAPTURE(tag);
    tags = {"a", tag};
    CHECK(message_of([&] { (void)tagged_names(name); }) ==
          "registry " + quoted(server.address()) +
              " lists a tag for \"app\" that is none: " + quoted(tag));
  }
}

TEST_CASE("what a registry warns of is kept once, for whoever shows it") {
  const HttpServer server([](const Request&) -> Reply {
    return {.headers = {{"Warning", "299 - \"closes in May\""},
                        {"Warning",
                         "299 - \"moves in June\", 299 - \"" + std::string(5000, 'x') + "\""}},
            .body = R"({"tags":[]})"};
  });
  RegistryClient client = client_at(server);
  CHECK(client.warnings().empty());
  client.tags();
  client.tags();
  CHECK((client.warnings() == std::vector<std::string>{"closes in May", "moves in June"}));
}

TEST_CASE("a list has an end, and stays at its registry") {
  Reply reply;
  const HttpServer server([&](const Request&) { return reply; });
  const std::string who = "registry \"" + server.address() + "\" ";
  RegistryClient client = client_at(server);
  const auto message = [&] { return message_of([&] { client.tags(); }); };
  reply = {.headers = {{"Link", "<?page=2>; rel=next"}}, .body = R"({"tags":["a"]})"};
  CHECK(message() == who + "gives a list without an end: repository \"app\"");
  reply = {.headers = {{"Link", "<http://localhost:1/x>; rel=next"}}, .body = R"({"tags":[]})"};
  CHECK(message() == who +
                         "sends to another server for the rest of a list: "
                         "\"http://localhost:1/x\"");
  reply = {.headers = {{"Link", "<http://other.invalid/x>; rel=next"}}, .body = R"({"tags":[]})"};
  CHECK(message() != "no error");
  reply = {.body = "[]"};
  CHECK(message() == who + "gives no list of tags for \"app\"");
  reply = {.body = R"({"tags":)" + std::string(100'000, '[')};
  CHECK(message() == who + "gives no list of tags for \"app\"");
  reply = {.status = 404};
  CHECK(message() == who + "has no repository \"app\"");
  std::string many = R"({"tags":["a")";
  for (int i = 0; i < 100'000; ++i) many += ",\"a\"";
  reply = {.body = many + "]}"};
  CHECK(message() == who + "has more than 100000 tags for \"app\"");
}

TEST_CASE("what refers to a manifest is listed by the registry") {
  const Digest subject = sha256("image");
  const auto entry = [](const std::string& bytes, const std::string& type) {
    return Json{{"mediaType", media_type::oci_manifest},
                {"digest", sha256(bytes).text()},
                {"size", 3},
                {"artifactType", type},
                {"annotations", {{"a", "b"}}}};
  };
  bool filters = false;
  const HttpServer server([&](const Request& request) -> Reply {
    if (request.path.find("page=2") != std::string::npos)
      return {.body = Json{{"manifests", {entry("three", "signature")}}}.dump()};
    Json list = {entry("one", "signature"), 7, {{"digest", "nonsense"}}};
    if (!filters) list.push_back(entry("two", "sbom"));
    return {.headers = {{"Link", "<?page=2>; rel=next"}}, .body = Json{{"manifests", list}}.dump()};
  });
  RegistryClient client = client_at(server);
  const auto all = client.referrers(subject);
  REQUIRE(all.size() == 3);
  CHECK(all[0].manifest.digest == sha256("one"));
  CHECK(all[0].manifest.annotations.at("a") == "b");
  CHECK(all[1].artifact_type == "sbom");
  CHECK(server.requests().front().path == "/v2/app/referrers/" + subject.text());
  // One type, whether or not the registry chooses.
  for (const bool chooses : {false, true}) {
    filters = chooses;
    const auto signatures = client.referrers(subject, "signature");
    REQUIRE(signatures.size() == 2);
    CHECK(signatures[1].manifest.digest == sha256("three"));
  }
  CHECK(server.requests().at(2).path.ends_with("?artifactType=signature"));
}

TEST_CASE("where a registry lists no referrers a tag stands for the list") {
  OldRegistry old;
  RegistryClient client = client_at(old.server);
  const Digest subject = sha256("image");
  CHECK(client.referrers(subject).empty());

  const std::string signature =
      referring(subject, R"("artifactType":"signature","annotations":{"by":"me"},)");
  const std::string other = referring(subject, "");
  const std::string type(media_type::oci_manifest);
  client.put_manifest(sha256(signature).text(), type, signature);
  client.put_manifest(sha256(other).text(), type, other);
  client.put_manifest(sha256(other).text(), type, other);  // no entry twice

  const auto found = client.referrers(subject);
  REQUIRE(found.size() == 2);
  CHECK(found[0].manifest.digest == sha256(signature));
  CHECK(found[0].manifest.size == signature.size());
  CHECK(found[0].manifest.media_type == type);
  CHECK(found[0].artifact_type == "signature");
  CHECK(found[0].manifest.annotations.at("by") == "me");
  CHECK(found[1].artifact_type == "application/vnd.oci.empty.v1+json");  // its config's
  CHECK(client.referrers(subject, "signature").size() == 1);
  const Json index = Json::parse(old.manifests.at("sha256-" + subject.hex()));
  CHECK(index.at("mediaType") == media_type::oci_index);
  CHECK(index.at("schemaVersion") == 2);
}

TEST_CASE("a list of referrers that refers to something itself is put into no other list") {
  OldRegistry old;
  RegistryClient client = client_at(old.server);
  const Digest subject = sha256("image");
  const std::string tag = "sha256-" + subject.hex();
  old.manifests[tag] =
      R"({"schemaVersion":2,"manifests":[],"subject":{"mediaType":"x","digest":")" +
      sha256("other").text() + R"(","size":1}})";
  const std::string signature = referring(subject, "");
  client.put_manifest(sha256(signature).text(), std::string(media_type::oci_manifest), signature);
  CHECK(old.manifests.size() == 2);  // the signature, and the list
  CHECK_FALSE(Json::parse(old.manifests.at(tag)).contains("subject"));
  CHECK(client.referrers(subject).size() == 1);
}

TEST_CASE("a list of referrers has a size") {
  std::size_t pages = 0;
  const std::string page = R"({"manifests":[],"filling":")" + std::string(8'000'000, 'x') + "\"}";
  const HttpServer server([&](const Request&) -> Reply {
    return {.headers = {{"Link", "<?page=" + std::to_string(++pages) + ">; rel=next"}},
            .body = page};
  });
  RegistryClient client = client_at(server);
  CHECK(message_of([&] { client.referrers(sha256("image")); }).find("longer than") !=
        std::string::npos);
  CHECK(pages == 9);
}

TEST_CASE("a tag that holds something else than the list is not overwritten") {
  OldRegistry old;
  RegistryClient client = client_at(old.server);
  const Digest subject = sha256("image");
  const std::string tag = "sha256-" + subject.hex();
  old.manifests[tag] = R"({"layers":[]})";
  const std::string signature = referring(subject, "");
  CHECK(message_of([&] {
          client.put_manifest("s", std::string(media_type::oci_manifest), signature);
        }).find("something else than a list") != std::string::npos);
  CHECK(old.manifests[tag] == R"({"layers":[]})");
  CHECK(client.referrers(subject).empty());
}

TEST_CASE("a registry that keeps the list itself says so, and no tag is written") {
  const Digest subject = sha256("image");
  const HttpServer server([&](const Request&) -> Reply {
    return {.status = 201, .headers = {{"OCI-Subject", subject.text()}}};
  });
  client_at(server).put_manifest("s", std::string(media_type::oci_manifest),
                                 referring(subject, ""));
  CHECK(server.requests().size() == 1);
}

TEST_CASE("a registry with a search is asked for repositories") {
  const HttpServer server([](const Request&) -> Reply {
    return {.body = R"({"num_results":3,"results":[
      {"name":"library/debian","description":"the \u001b[2J system","star_count":7,
       "is_official":true,"is_automated":false},
      {"description":"no name"}, 5, {"name":"other","star_count":-1}, {"name":"third"}]})"};
  });
  const auto results = search_registry(server.address(), "deb & co", 2, {});
  CHECK_FALSE(results.names_only);
  REQUIRE(results.found.size() == 2);
  CHECK(results.found[0].name == "library/debian");
  CHECK(results.found[0].stars == 7);
  CHECK(results.found[0].official);
  CHECK(results.found[1] == SearchResult{.name = "other", .description = {}});
  CHECK(server.requests().front().path == "/v1/search?q=deb%20%26%20co&n=2");
  CHECK(search_registry(server.address(), "x", 0, {}).found.empty());
}

TEST_CASE("one without is asked for its catalog, whose names are held against the term") {
  std::string address;
  const HttpServer server([&](const Request& request) -> Reply {
    if (request.path.starts_with("/token")) return {.body = R"({"token":"t"})"};
    if (value_of(request, "authorization") != "Bearer t")
      return {.status = 401,
              .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + address + "/token\"" +
                                                   (request.path.starts_with("/v2/_catalog")
                                                        ? ",scope=\"registry:catalog:*\""
                                                        : "")}}};
    if (request.path == "/v2/_catalog?n=1000")
      return {.headers = {{"Link", "</v2/_catalog?n=1000&last=b>; rel=\"next\""}},
              .body = R"({"repositories":["team/App","base"]})"};
    if (request.path == "/v2/_catalog?n=1000&last=b")
      return {.body = R"({"repositories":["app"]})"};
    return {.status = 404};
  });
  address = server.address();
  const auto results = search_registry(address, "APP", 10, {});
  CHECK(results.names_only);
  REQUIRE(results.found.size() == 2);
  CHECK(results.found[0].name == "team/App");
  CHECK(results.found[1].name == "app");
  bool asked = false;
  for (const Request& request : server.requests())
    asked = asked || request.path == "/token?service=&scope=registry%3Acatalog%3A%2A";
  CHECK(asked);
  CHECK(search_registry(address, "", 1, {}).found.size() == 1);
}

TEST_CASE("one with neither says so") {
  const HttpServer server([](const Request& request) -> Reply {
    if (request.path.starts_with("/v1")) return {.body = "<html>"};
    return {.body = "{}"};
  });
  CHECK(message_of([&] { search_registry(server.address(), "x", 5, {}); }) ==
        "registry \"" + server.address() + "\" has neither a search nor a catalog");
}
