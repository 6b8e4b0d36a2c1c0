// The client against registries that misbehave.
#include "http_server.hpp"

#include <cache/registry/client.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <string>

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

Reference name_at(const std::string& address) { return parse_reference(address + "/app:1"); }

BlobDescriptor blob_of(const std::string& bytes) {
  return {.media_type = "", .digest = sha256(bytes), .size = bytes.size(), .platform = {},
          .annotations = {}};
}

std::string read_blob(RegistryClient& client, const BlobDescriptor& blob) {
  return client.small_blob(blob, 1 << 20);
}

// Some tries, but none that a test would have to wait for.
const HttpLimits little_patience{.first_byte = std::chrono::milliseconds(600)};

bool has_header(const Request& request, const std::string& name) {
  return request.headers.contains(name);
}

}  // namespace

TEST_CASE("a token is fetched once, with the login, and used from then on") {
  std::string address;
  const HttpServer server([&](const Request& request) -> Reply {
    if (request.path.starts_with("/token?")) return {.body = R"({"token":"abc.def"})"};
    const auto authorization = request.headers.find("authorization");
    if (authorization == request.headers.end() || authorization->second != "Bearer abc.def") {
      return {.status = 401,
              .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + address +
                                                   "/token\",service=\"a b\",scope=\"s:x:pull\""}}};
    }
    return {.body = "blob"};
  });
  address = server.address();
  RegistryClient client(name_at(address), {.user = "user", .password = "secret",
                                           .identity_token = {}});
  CHECK(read_blob(client, blob_of("blob")) == "blob");
  CHECK(read_blob(client, blob_of("blob")) == "blob");

  const auto requests = server.requests();
  REQUIRE(requests.size() == 4);
  CHECK(requests[1].path == "/token?service=a%20b&scope=s%3Ax%3Apull");
  CHECK(requests[1].headers.at("authorization") == "Basic dXNlcjpzZWNyZXQ=");
  CHECK(requests[3].headers.at("authorization") == "Bearer abc.def");
}

TEST_CASE("an identity token is traded for an access token") {
  std::string address;
  const HttpServer server([&](const Request& request) -> Reply {
    if (request.method == "POST") return {.body = R"({"access_token":"xyz"})"};
    if (!has_header(request, "authorization")) {
      return {.status = 401,
              .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + address + "/token\""}}};
    }
    return {.body = "blob"};
  });
  address = server.address();
  RegistryClient client(name_at(address),
                        {.user = {}, .password = {}, .identity_token = "refresh/1"});
  CHECK(read_blob(client, blob_of("blob")) == "blob");
  CHECK(server.requests().at(1).body ==
        "grant_type=refresh_token&client_id=slipway&refresh_token=refresh%2F1&service=&scope="
        "repository%3Aapp%3Apull");
}

TEST_CASE("credentials do not follow a redirect to another place") {
  const HttpServer storage([](const Request&) -> Reply { return {.body = "blob"}; });
  const HttpServer registry([&](const Request& request) -> Reply {
    if (!has_header(request, "authorization")) {
      return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}};
    }
    if (request.path.starts_with("/v2/app/blobs/")) {
      return {.status = 307, .headers = {{"Location", "/here"}}};
    }
    return {.status = 302, .headers = {{"Location", "http://" + storage.address() + "/there"}}};
  });
  RegistryClient client(name_at(registry.address()),
                        {.user = "user", .password = "secret", .identity_token = {}});
  CHECK(read_blob(client, blob_of("blob")) == "blob");
  // To the same place they do.
  CHECK(has_header(registry.requests().back(), "authorization"));
  CHECK(registry.requests().back().path == "/here");
  REQUIRE(storage.requests().size() == 1);
  CHECK_FALSE(has_header(storage.requests().front(), "authorization"));
}

TEST_CASE("a token service that is neither HTTPS nor this machine gets nothing") {
  const HttpServer server([](const Request&) -> Reply {
    return {.status = 401,
            .headers = {{"WWW-Authenticate", "Bearer realm=\"http://token.invalid/\""}}};
  });
  RegistryClient client(name_at(server.address()),
                        {.user = "user", .password = "secret", .identity_token = {}});
  CHECK(message_of([&] { read_blob(client, blob_of("blob")); }) ==
        "registry \"" + server.address() +
            "\" sends to \"http://token.invalid/\" for a token, which is not an HTTPS address");
}

TEST_CASE("redirects lead neither to plain text elsewhere, nor to files, nor in circles") {
  std::string target;
  const HttpServer server([&](const Request&) -> Reply {
    return {.status = 302, .headers = {{"Location", target}}};
  });
  RegistryClient client(name_at(server.address()), {});
  const auto message = [&] { return message_of([&] { read_blob(client, blob_of("blob")); }); };
  target = "http://storage.invalid/blob";
  CHECK(message() == "registry redirects to \"http://storage.invalid/blob\", which is not encrypted");
  target = "file:///etc/passwd";
  CHECK(message() == "registry redirects to \"file:///etc/passwd\", which is not the web");
  target = "/again";
  CHECK(message() == "registry redirects \"http://" + server.address() + "/v2/app/blobs/" +
                         sha256("blob").text() + "\" in a circle");
  CHECK(server.requests().size() == 1 + 1 + 11);
}

TEST_CASE("a blob that is not what its manifest names is refused") {
  Reply reply;
  const HttpServer server([&](const Request&) { return reply; });
  RegistryClient client(name_at(server.address()), {}, {}, little_patience);
  const auto message = [&] { return message_of([&] { read_blob(client, blob_of("blob")); }); };
  const std::string who = "registry \"" + server.address() + "\" ";
  reply = {.body = "blab"};
  CHECK(message() == who + "gives other bytes for the blob " + sha256("blob").text());
  reply = {.body = "blob and more"};
  CHECK(message() == who + "gives more bytes for the blob " + sha256("blob").text() +
                         " than the 4 its manifest names");
  reply = {.body = "blo"};
  CHECK(message() == who + "gives fewer bytes for the blob " + sha256("blob").text() +
                         " than the 4 its manifest names");
  reply = {.body = "bl", .claimed_extra = 2};
  CHECK(message().starts_with(who + "broke off its answer: "));
  reply = {.status = 500, .body = "<html>"};
  CHECK(message() == who + "answers with status 500 for blob " + sha256("blob").text());
  reply = {.status = 404, .body = R"({"errors":[{"code":"BLOB_UNKNOWN","message":"no \u001b[2J"}]})"};
  CHECK(message().find('\x1b') == std::string::npos);  // a terminal must not act on it
  CHECK(message().starts_with(who + "has no blob "));
}

TEST_CASE("a manifest is bounded and verified") {
  Reply reply;
  const HttpServer server([&](const Request&) { return reply; });
  RegistryClient client(name_at(server.address()), {});
  reply = {.headers = {{"Content-Type", "application/vnd.oci.image.manifest.v1+json; x=y"}},
           .body = "{}"};
  const auto found = client.manifest(name_at(server.address()));
  CHECK(found.media_type == media_type::oci_manifest);
  CHECK(found.digest == sha256("{}"));
  CHECK(server.requests().back().path == "/v2/app/manifests/1");
  CHECK(server.requests().back().headers.at("accept").find("manifest.list.v2+json") !=
        std::string::npos);

  const Reference by_digest =
      parse_reference(server.address() + "/app@" + sha256("other").text());
  CHECK(message_of([&] { client.manifest(by_digest); })
            .find("gives another manifest than asked for") != std::string::npos);
  reply.body.assign(max_manifest_size + 1, ' ');
  CHECK(message_of([&] { client.manifest(name_at(server.address())); })
            .find("is larger than 4194304 bytes") != std::string::npos);
}

TEST_CASE("a request ends when it is cancelled") {
  const HttpServer server([](const Request&) -> Reply { return {.body = "blob"}; });
  bool cancelled = false;
  RegistryClient client(name_at(server.address()), {}, [&] { return cancelled; });
  CHECK(read_blob(client, blob_of("blob")) == "blob");
  cancelled = true;
  CHECK(message_of([&] { read_blob(client, blob_of("blob")); }) == "interrupted");
}
