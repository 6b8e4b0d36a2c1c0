// The transports against the server programs that people run.
#include "../programs.hpp"
#include "../registry/docker_registry.hpp"
#include "same_maps.hpp"
#include "server_process.hpp"

#include <charconv>
#include <filesystem>

using namespace slipway;

TEST_CASE("nginx with DAV is enough for a cache") {
  if (!has_programs({"nginx"})) return;
  const Nginx nginx;
  const OpenCache open = [&](bool write) {
    return open_transport(cache_spec("http", {{"url", nginx.url()}}), write, {});
  };
  check_same_maps(open);
  check_side_by_side(open);
  CHECK(std::filesystem::exists(nginx.folder() / "files/ac" / sha256("key").hex()));
}

TEST_CASE("nginx with a password lets in who knows it") {
  if (!has_programs({"nginx"})) return;
  const Nginx nginx(true);
  const auto open = [&](const std::string& user) {
    std::string url = nginx.url();
    url.insert(7, user);
    return open_transport(cache_spec("http", {{"url", url}}), true, {});
  };
  open("user:secret@")->put_record(sha256("key"), "record", {});
  CHECK(open("user:secret@")->record(sha256("key")) == "record");
  for (const char* user : {"", "user:wrong@"}) {
    CHECK(failure_of([&] { open(user)->record(sha256("key")); })
              .starts_with("http cache \"" + nginx.url() +
                           "\" answers with status 401 for the record"));
    CHECK(failure_of([&] { put_bytes(*open(user), "blob"); }) != "no error");
  }
}

TEST_CASE("a web server that takes no PUT says what it needs") {
  if (!has_programs({"nginx"})) return;
  const Nginx nginx;
  // Beside the folder that takes it.
  std::string url = nginx.url();
  url.resize(url.rfind('/'));
  const auto cache = open_transport(cache_spec("http", {{"url", url}}), true, {});
  CHECK_FALSE(cache->record(sha256("key")));
  CHECK(failure_of([&] {
          put_bytes(*cache, "blob");
        }).ends_with("\nthe server has to take PUT (nginx: dav_methods PUT)"));
}

TEST_CASE("a registry keeps records as artifacts, each under its own tag") {
  if (!has_programs({"docker-registry"})) return;
  const DockerRegistry registry;
  const std::string ref = registry.address() + "/team/cache";
  const OpenCache open = [&](bool write) {
    return open_transport(cache_spec("registry", {{"ref", ref}}), write, {});
  };
  check_same_maps(open);
  check_side_by_side(open);
  CHECK(open(false)->name() == "registry cache \"" + ref + "\"");
  // Other people's programs read it as any artifact.
  if (has_programs({"curl"})) {
    const std::string manifest =
        output_of("curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json' http://" +
                  registry.address() + "/v2/team/cache/manifests/key-" + sha256("other key").hex());
    CHECK(manifest.find("\"artifactType\":\"application/vnd.slipway.cache.v1\"") !=
          std::string::npos);
    CHECK(manifest.find(sha256("another").text()) != std::string::npos);
  }
}

TEST_CASE("a registry with a password takes nothing from those who do not know it") {
  if (!has_programs({"docker-registry"})) return;
  const DockerRegistry registry(true);
  const TemporaryFolder home;
  const auto open = [&](const std::string& auth) {
    home.write("config.json",
               R"({"auths":{")" + registry.address() + R"(":{"auth":")" + auth + "\"}}}");
    ::setenv("DOCKER_CONFIG", home.path().c_str(), 1);
    auto cache =
        open_transport(cache_spec("registry", {{"ref", registry.address() + "/cache"}}), true, {});
    ::unsetenv("DOCKER_CONFIG");
    return cache;
  };
  const auto cache = open("dXNlcjpzZWNyZXQ=");  // user:secret
  put_bytes(*cache, "blob");
  cache->put_record(sha256("key"), "record", {shared_blob("blob")});
  CHECK(cache->record(sha256("key")) == "record");

  const auto other = open("dXNlcjp3cm9uZw==");  // user:wrong
  const std::string denial = "registry \"" + registry.address() + "\" denies ";
  CHECK(failure_of([&] {
          other->record(sha256("key"));
        }).starts_with(denial + "access to \"cache\""));
  CHECK(
      failure_of([&] { put_bytes(*other, "blob"); }).starts_with(denial + "writing to \"cache\""));
}

TEST_CASE("a bucket whose server checks every signature") {
  if (!has_s3_server()) return;
  const S3Server server;
  const OpenCache open = [&](bool write) {
    return open_transport(server.spec({{"prefix", "team a/~cache+/"}}), write, {});
  };
  check_same_maps(open);
  check_side_by_side(open);
  const std::string hex = sha256("key").hex();
  CHECK(server.state().find("\"team a/~cache+/records/" + hex.substr(0, 2) + "/" + hex + "\"") !=
        std::string::npos);

  const auto failure = [&](const std::map<std::string, std::string>& changes) {
    return failure_of(
        [&] { open_transport(server.spec(changes), false, {})->record(sha256("key")); });
  };
  CHECK(failure({{"session_token", "a session's token"}}) == "no error");
  CHECK(failure({{"session_token", "another"}}).find("InvalidToken") != std::string::npos);
  CHECK(failure({{"secret_access_key", "wrong"}}).find("SignatureDoesNotMatch") !=
        std::string::npos);
  CHECK(failure({{"region", "us-east-1"}}).find("AuthorizationHeaderMalformed") !=
        std::string::npos);
  CHECK(failure({{"bucket", "none"}}).ends_with("\nmake the bucket, or check its name"));
}

TEST_CASE("a large blob goes up in parts") {
  if (!has_s3_server()) return;
  const TemporaryFolder folder;
  // Of different bytes, so that parts in the wrong order would show.
  std::string bytes(130 << 20, '.');
  for (std::size_t i = 0; i < bytes.size(); i += 4096)
    std::to_chars(bytes.data() + i, bytes.data() + i + 16, i);
  folder.write("large", bytes);
  const SharedBlob large = shared_blob(bytes);

  SUBCASE("and is one object in the end") {
    const S3Server server;
    const auto cache = open_transport(server.spec(), true, {});
    cache->put_blob(large, folder / "large");
    CHECK(cache->has_blob(large));
    Hasher hasher;
    CHECK(cache->blob(large, [&](std::span<const std::byte> piece) { hasher.update(piece); }));
    CHECK(hasher.finish() == large.digest);
    const std::string state = server.state();
    CHECK(state.find("\"uploads\": 0") != std::string::npos);
    CHECK(state.find("\"POST uploads\", \"PUT partNumber uploadId\", \"PUT partNumber uploadId\", "
                     "\"PUT partNumber uploadId\", \"POST uploadId\"") != std::string::npos);
  }
  SUBCASE("and where one is refused, none is left") {
    const S3Server server(2);
    const auto cache = open_transport(server.spec(), true, {});
    CHECK(failure_of([&] { cache->put_blob(large, folder / "large"); }) ==
          cache->name() + " answers with status 500 to part 2 of the blob " + large.digest.text() +
              ": \"InternalError: it <says> so\"\ntry again later");
    CHECK_FALSE(cache->has_blob(large));
    CHECK(server.state().find("\"uploads\": 0") != std::string::npos);
  }
}
