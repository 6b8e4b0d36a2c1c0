// What the client puts into a registry, and where it refuses to.
#include "../temporary_folder.hpp"
#include "http_server.hpp"

#include <cache/registry/client.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

using namespace slipway;
using Request = HttpServer::Request;
using Reply = HttpServer::Reply;

namespace {

std::string message_of(auto&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

BlobDescriptor blob_of(const std::string& bytes) {
  BlobDescriptor blob;
  blob.digest = sha256(bytes);
  blob.size = bytes.size();
  return blob;
}

RegistryClient client_at(const HttpServer& server, HttpLimits limits = {}) {
  return {parse_reference(server.address() + "/app"),
          {.user = "user", .password = "secret", .identity_token = {}},
          {},
          limits};
}

const std::string uploads = "/v2/app/blobs/uploads/";

}  // namespace

TEST_CASE("a blob is put in one piece, to where the registry wants it") {
  const HttpServer storage([](const Request&) -> Reply { return {.status = 201}; });
  std::string location;
  const HttpServer server([&](const Request& request) -> Reply {
    if (!request.headers.contains("authorization"))
      return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}};
    if (request.method == "POST") return {.status = 202, .headers = {{"Location", location}}};
    return {.status = 201};
  });
  RegistryClient client = client_at(server);
  const std::string digest = "digest=sha256%3A" + sha256("blob").hex();

  SUBCASE("beside it, with what it knows the upload by") {
    location = uploads + "1234?_state=a%2Fb";
    client.put_blob(blob_of("blob"), "blob");
    const Request put = server.requests().back();
    CHECK(put.method == "PUT");
    CHECK(put.path == uploads + "1234?_state=a%2Fb&" + digest);
    CHECK(put.body == "blob");
    CHECK(put.headers.at("content-length") == "4");
    CHECK_FALSE(put.headers.contains("expect"));
  }
  SUBCASE("a piece of a file") {
    const TemporaryFolder folder;
    folder.write("file", "a blob in a file");
    location = uploads + "1234";
    client.put_blob(blob_of("blob"), FilePiece{.path = folder / "file", .offset = 2, .size = 4});
    CHECK(server.requests().back().path == uploads + "1234?" + digest);
    CHECK(server.requests().back().body == "blob");
    // No bytes that there are not, and no other file's.
    CHECK(message_of([&] {
            client.put_blob(blob_of("blob"),
                            FilePiece{.path = folder / "file", .offset = 14, .size = 4});
          }) ==
          "\"" + (folder / "file").string() + "\" does not have the bytes that are to be sent");
    std::filesystem::create_symlink(folder / "file", folder / "link");
    CHECK(message_of([&] {
            client.put_blob(blob_of("a bl"), FilePiece{.path = folder / "link", .size = 4});
          }) != "no error");
  }
  SUBCASE("elsewhere, where credentials are not sent") {
    location = "http://" + storage.address() + "/bucket";
    client.put_blob(blob_of("blob"), "blob");
    REQUIRE(storage.requests().size() == 1);
    CHECK(storage.requests().front().body == "blob");
    CHECK_FALSE(storage.requests().front().headers.contains("authorization"));
  }
  SUBCASE("but to nobody who listens on the way") {
    location = "http://storage.invalid/bucket";
    CHECK(message_of([&] { client.put_blob(blob_of("blob"), "blob"); }) ==
          "registry \"" + server.address() +
              "\" redirects to \"http://storage.invalid/bucket\", which is not encrypted");
    location = "";
    CHECK(message_of([&] { client.put_blob(blob_of("blob"), "blob"); }) != "no error");
  }
}

TEST_CASE("a token for pulling is traded for one for pushing") {
  std::string address;
  const HttpServer server([&](const Request& request) -> Reply {
    if (request.path.starts_with("/token?"))
      return {.body =
                  request.path.ends_with("push") ? R"({"token":"push"})" : R"({"token":"pull"})"};
    const std::string scope = request.method == "HEAD" ? "pull" : "pull,push";
    const std::string wanted = request.method == "HEAD" ? "Bearer pull" : "Bearer push";
    if (!request.headers.contains("authorization") ||
        request.headers.at("authorization") != wanted) {
      return {
          .status = 401,
          .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + address +
                                               "/token\",scope=\"repository:app:" + scope + "\""}}};
    }
    if (request.method == "HEAD") return {.status = 404};
    return {.status = 201, .headers = {{"Location", uploads + "1"}}};
  });
  address = server.address();
  RegistryClient client = client_at(server);
  CHECK_FALSE(client.has_blob(blob_of("blob")));
  client.put_blob(blob_of("blob"), "blob");
  CHECK(server.requests().back().headers.at("authorization") == "Bearer push");
}

TEST_CASE("what registries do when two clients write the same is tried again") {
  int failures = 2;
  const HttpServer server([&](const Request& request) -> Reply {
    if (request.method == "POST") return {.status = 202, .headers = {{"Location", uploads + "1"}}};
    if (failures-- > 0) return {.status = 500};
    return {.status = 201, .body = "bytes"};
  });
  RegistryClient client = client_at(server, {.first_byte = std::chrono::milliseconds(600)});
  client.put_blob(blob_of("blob"), "blob");
  failures = 1;
  client.put_manifest("tag", "application/json", "{}");
  failures = 1;
  CHECK(client.find_manifest("tag")->bytes == "bytes");
  // But not for ever, and nothing else is.
  failures = 100;
  CHECK(message_of([&] { client.put_manifest("tag", "application/json", "{}"); }) ==
        "registry \"" + server.address() + "\" answers with status 500 for manifest \"tag\"");
  CHECK(failures == 97);
}

TEST_CASE("a registry that refuses says why") {
  Reply reply;
  const HttpServer server([&](const Request&) { return reply; });
  RegistryClient client = client_at(server);
  const auto put = [&] {
    return message_of([&] { client.put_manifest("tag", "application/json", "{}"); });
  };
  const std::string who = "registry \"" + server.address() + "\" ";
  reply = {.status = 403, .body = R"({"errors":[{"code":"DENIED","message":"read only"}]})"};
  CHECK(put() == who + "denies writing to \"app\": \"read only\"");
  reply = {.status = 405};
  CHECK(put() == who + "does not take manifest \"tag\"");
  reply = {.status = 413};
  CHECK(put() == who + "takes nothing as large as manifest \"tag\"");
  reply = {.status = 201, .headers = {{"Docker-Content-Digest", sha256("other").text()}}};
  CHECK(put() == who + "keeps another manifest than it was given: \"" + sha256("other").text() +
                     "\" instead of " + sha256("{}").text());
  // An upload is not sent to where a plain redirect leads: that would be asked for by GET.
  reply = {.status = 302, .headers = {{"Location", "/elsewhere"}}};
  CHECK(put() == who + "answers with status 302 for manifest \"tag\"");
}

TEST_CASE("an upload follows a redirect that asks for the same again") {
  const HttpServer server([&](const Request& request) -> Reply {
    if (request.path.ends_with("/tag"))
      return {.status = 307, .headers = {{"Location", "/elsewhere"}}};
    return {.status = 201};
  });
  RegistryClient client = client_at(server);
  client.put_manifest("tag", "application/json", "{}");
  CHECK(server.requests().back().path == "/elsewhere");
  CHECK(server.requests().back().body == "{}");
}

TEST_CASE("a registry that does not answer costs what the caller allows") {
  std::atomic<bool> ending = false;
  const HttpServer server([&](const Request&) -> Reply {
    return {.delay = [&ending] {
      while (!ending) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }};
  });
  RegistryClient client = client_at(server, {.first_byte = std::chrono::milliseconds(100)});
  const std::string late = "registry \"" + server.address() + "\" gives no answer within 100 ms";
  CHECK(message_of([&] { client.has_blob(blob_of("blob")); }) == late);
  CHECK(message_of([&] { client.put_manifest("tag", "application/json", "{}"); }) == late);
  ending = true;
}
