// The cache in a registry, where what is there is no record's.
#include "../registry/http_server.hpp"
#include "same_maps.hpp"

using namespace slipway;
using Request = HttpServer::Request;
using Reply = HttpServer::Reply;

namespace {

const std::string record_type = "application/vnd.slipway.cache.record.v1";

// "cmVjb3Jk" is "record".
std::string manifest(const std::string& type, const std::string& digest, const std::string& size,
                     const std::string& more = R"(,"data":"cmVjb3Jk")") {
  return R"({"schemaVersion":2,"config":{"mediaType":")" + type + R"(","digest":")" + digest +
         R"(","size":)" + size + more + R"(},"layers":[]})";
}

std::unique_ptr<CacheTransport> open_at(const HttpServer& server) {
  return open_transport(cache_spec("registry", {{"ref", server.address() + "/cache"}}), true, {});
}

}  // namespace

TEST_CASE("a record is in its manifest, or a blob beside it") {
  std::string answer, blob = "record";
  const HttpServer server([&](const Request& request) -> Reply {
    return {.body = request.path.find("/blobs/") == std::string::npos ? answer : blob};
  });
  const auto cache = open_at(server);
  const std::string digest = sha256("record").text();
  answer = manifest(record_type, digest, "6");
  CHECK(cache->record(sha256("key")) == "record");
  CHECK(server.requests().size() == 1);
  CHECK(server.requests().front().path == "/v2/cache/manifests/key-" + sha256("key").hex());

  answer = manifest(record_type, digest, "6", "");
  CHECK(cache->record(sha256("key")) == "record");
  CHECK(server.requests().back().path == "/v2/cache/blobs/" + digest);
  blob = "recorD";
  CHECK(failure_of([&] { cache->record(sha256("key")); }) ==
        "registry \"" + server.address() + "\" gives other bytes for the blob " + digest);
}

TEST_CASE("what is under a record's tag and is none is an Error") {
  std::string answer;
  const HttpServer server([&](const Request&) -> Reply { return {.body = answer}; });
  const auto cache = open_at(server);
  const std::string digest = sha256("record").text();
  for (const std::string& text : {
           std::string("not JSON"),
           std::string("[]"),
           std::string("{}"),
           std::string(R"({"config":[]})"),
           manifest("application/vnd.oci.image.config.v1+json", digest, "6"),
           manifest(record_type, "sha256:zz", "6"),
           manifest(record_type, digest, "\"6\""),
           manifest(record_type, digest, "-6"),
           manifest(record_type, digest, "7"),
           manifest(record_type, sha256("other").text(), "6"),
           manifest(record_type, digest, "6", R"(,"data":"!")"),
           manifest(record_type, digest, "6", R"(,"data":6)"),
           manifest(record_type, digest, "8388609", ""),
           std::string(100'000, '['),
       }) {
    CAPTURE(text.substr(0, 200));
    answer = text;
    CHECK(failure_of([&] { cache->record(sha256("key")); }) ==
          cache->name() + " has something else than a record for its tag \"key-" +
              sha256("key").hex() + "\"\ngive the cache a repository of its own");
  }
  answer.assign(5 << 20, ' ');
  CHECK(failure_of([&] { cache->record(sha256("key")); }).find("is larger than") !=
        std::string::npos);
}

TEST_CASE("a registry's cache is a repository") {
  const auto failure = [](const std::string& ref) {
    return failure_of([&] { open_transport(cache_spec("registry", {{"ref", ref}}), false, {}); });
  };
  CHECK(failure("localhost:5000/team/cache") == "no error");
  CHECK(failure("localhost:5000/team/cache:main") == "no error");
  CHECK(failure("localhost:5000/cache:" + std::string(59, 'x')) == "no error");
  CHECK(failure("localhost:5000/cache:" + std::string(60, 'x')).find("at most 59 characters") !=
        std::string::npos);
  CHECK(failure("localhost:5000/cache@" + sha256("x").text()).find("leave the digest out") !=
        std::string::npos);
  CHECK(failure("Not A Reference") != "no error");
}
