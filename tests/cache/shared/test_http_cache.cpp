// The cache behind HTTP, where its server fails or lies.
#include "faulty_server.hpp"
#include "same_maps.hpp"

#include <cache/shared/action_result.hpp>

#include <chrono>

using namespace slipway;
using Fault = FaultyServer::Fault;

namespace {

std::unique_ptr<CacheTransport> open_at(
    const std::string& url, bool write = true,
    std::chrono::milliseconds patience = std::chrono::seconds(10)) {
  return open_transport(cache_spec("http", {{"url", url}}), write, {}, patience);
}

std::string spec_failure(const std::map<std::string, std::string>& attributes) {
  return failure_of([&] { open_transport(cache_spec("http", attributes), true, {}); });
}

}  // namespace

TEST_CASE("a server that takes what it is given and gives it back will do") {
  FaultyServer server;
  check_same_maps([&](bool write) { return open_at(server.url(), write); });
}

TEST_CASE("records are messages that servers can check, blobs lie beside them") {
  FaultyServer server;
  const auto cache = open_at(server.url() + "/");
  put_bytes(*cache, "blob");
  cache->put_record(sha256("key"), "record", {shared_blob("blob")});
  CHECK(server.paths() ==
        std::vector<std::string>{"/ac/" + sha256("key").hex(), "/cas/" + sha256("blob").hex()});
  CHECK(server.at("/ac/" + sha256("key").hex()) ==
        write_action_result(std::string("record"), {shared_blob("blob")}));
  const auto request = server.requests().back();
  CHECK(request.headers.contains("content-length"));
  CHECK_FALSE(request.headers.contains("expect"));
}

TEST_CASE("every fault of a server is an Error, and none is believed") {
  FaultyServer server;
  const auto cache = open_at(server.url());
  const SharedBlob blob = shared_blob("blob");
  put_bytes(*cache, "blob");
  cache->put_record(sha256("key"), "record", {blob});
  const std::string name = "http cache \"" + server.url() + "\"";
  CHECK(cache->name() == name);
  const auto reading = [&] { return failure_of([&] { bytes_of(*cache, blob); }); };
  const auto asking = [&] { return failure_of([&] { cache->record(sha256("key")); }); };

  server.fail(Fault::drop);
  CHECK(reading().starts_with("http cache \"" + server.url().substr(7) + "\" does not answer: "));
  CHECK(asking() != "no error");
  CHECK(failure_of([&] { cache->has_blob(blob); }) != "no error");
  CHECK(failure_of([&] { put_bytes(*cache, "other"); }) != "no error");

  server.fail(Fault::error);
  CHECK(reading() == name + " answers with status 500 for the blob " + blob.digest.text() +
                         "\nlook into the server's log");
  CHECK(failure_of([&] { cache->put_record(sha256("key"), "new", {}); }) ==
        name + " answers with status 500 to the record " + sha256("key").hex() +
            "\nlook into the server's log");

  server.fail(Fault::denied);
  CHECK(asking() == name + " answers with status 403 for the record " + sha256("key").hex() +
                        "\ngive user=NAME and password=WORD");

  server.fail(Fault::truncated);
  CHECK(reading().find(" broke off its answer: ") != std::string::npos);
  CHECK(asking() != "no error");

  server.fail(Fault::shorter);
  CHECK(reading() == name + " gives fewer than the 4 bytes of the blob " + blob.digest.text());
  CHECK(asking() == name + " gives something else for the record " + sha256("key").hex());

  server.fail(Fault::longer);
  CHECK(reading() == name + " gives more than the 4 bytes of the blob " + blob.digest.text());
  CHECK_FALSE(cache->has_blob(blob));

  // Whose digest is whose is the reader's business.
  server.fail(Fault::wrong_bytes);
  CHECK(bytes_of(*cache, blob) == "BLOB");
  CHECK(asking() != "no error");

  server.fail(Fault::none);
  CHECK(bytes_of(*cache, blob) == "blob");
  CHECK(cache->record(sha256("key")) == "record");
}

TEST_CASE("a server that stalls costs the patience") {
  FaultyServer server;
  const auto cache = open_at(server.url(), true, std::chrono::milliseconds(200));
  open_at(server.url())->put_record(sha256("key"), "record", {});
  const auto start = std::chrono::steady_clock::now();
  server.fail(Fault::stall);
  CHECK(failure_of([&] { cache->record(sha256("key")); }) ==
        "http cache \"" + server.url().substr(7) +
            "\" gives no answer within 200 ms\ntry again; if it needs a proxy, set https_proxy");
  CHECK(failure_of([&] { put_bytes(*cache, "blob"); }) != "no error");
  // Half an answer, and then nothing.
  server.fail(Fault::stall_amid);
  CHECK(failure_of([&] { cache->record(sha256("key")); }) != "no error");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(8));
}

TEST_CASE("a long record is a blob of its own, and verified") {
  FaultyServer server;
  const auto cache = open_at(server.url());
  const std::string text(3'000'000, 'r');
  cache->put_record(sha256("key"), text, {});
  CHECK(server.at("/ac/" + sha256("key").hex()).size() < 200);
  CHECK((cache->record(sha256("key")) == text));
  server.fail(Fault::wrong_bytes, "/cas/");
  CHECK(failure_of([&] { cache->record(sha256("key")); }).find("gives other bytes for") !=
        std::string::npos);
  // And one that is too long to be one is not asked for.
  server.fail(Fault::none);
  server.set(
      "/ac/" + sha256("key").hex(),
      write_action_result(
          SharedBlob{.digest = sha256("x"), .size = CacheTransport::longest_record + 1}, {}));
  CHECK(failure_of([&] { cache->record(sha256("key")); }).find("8388609 bytes") !=
        std::string::npos);
}

TEST_CASE("a record of another key, and what is no record") {
  FaultyServer server;
  const auto cache = open_at(server.url());
  cache->put_record(sha256("key"), "record", {});
  // The transport gives what is there; that it is bound to its key, its reader checks.
  server.set("/ac/" + sha256("other").hex(), server.at("/ac/" + sha256("key").hex()));
  CHECK(cache->record(sha256("other")) == "record");
  server.set("/ac/" + sha256("other").hex(), "<html>hello</html>");
  CHECK(failure_of([&] { cache->record(sha256("other")); }) != "no error");
}

TEST_CASE("a password goes to its server and into no message") {
  FaultyServer server;
  std::string url = server.url();
  url.insert(7, "user:s%65cret%40@");
  const auto cache = open_at(url);
  cache->put_record(sha256("key"), "record", {});
  // "user:secret@"
  CHECK(server.requests().back().headers.at("authorization") == "Basic dXNlcjpzZWNyZXRA");
  CHECK(cache->name() == "http cache \"" + server.url() + "\"");
  server.fail(Fault::denied);
  CHECK(failure_of([&] { cache->record(sha256("key")); }) ==
        cache->name() + " answers with status 403 for the record " + sha256("key").hex() +
            "\ncheck the user and the password");
  server.fail(Fault::none);
  open_transport(cache_spec("http", {{"url", server.url()}, {"user", "me"}, {"password", "pw"}}),
                 false, {})
      ->has_blob(shared_blob("x"));
  CHECK(server.requests().back().headers.at("authorization") == "Basic bWU6cHc=");
}

TEST_CASE("a URL that cannot be used is not shown where it may hold a password") {
  CHECK(
      spec_failure({}) ==
      "a cache of type \"http\" needs the attribute \"url\"\ntype=http,url=https://cache.example");
  for (const char* url : {"ftp://host", "host", "https://u:pa?ss@host", "https://u:pa/ss@host",
                          "https://u:pa#ss@host"}) {
    CAPTURE(url);
    CHECK(
        spec_failure({{"url", url}}).starts_with("the URL of a cache of type \"http\" is none\n"));
  }
  CHECK(spec_failure({{"url", "http://user:secret@cache.example/x"}}) ==
        "the password for \"http://cache.example/x\" would be sent in plain text\nuse https://");
  CHECK(spec_failure({{"url", "https://host"}, {"password", "secret"}}) ==
        "a cache of type \"http\" has a password and no user\ngive user=NAME");
}
