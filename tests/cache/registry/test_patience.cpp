// Servers that ask to be left alone, fail for a moment, or want another token in the middle.
#include "client_fixture.hpp"

#include <atomic>
#include <ctime>

using namespace slipway;

namespace {

const Credentials login{.user = "user", .password = "secret", .identity_token = {}};

// "Sun, 06 Nov 1994 08:49:37 GMT", so many seconds from now.
std::string date_in(int seconds) {
  const std::time_t time = std::time(nullptr) + seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[64];
  REQUIRE(std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts) > 0);
  return text;
}

}  // namespace

TEST_CASE("who is asked to wait waits, and asks again") {
  int refusals = 1;
  Reply refusal;
  const HttpServer server([&](const Request&) -> Reply {
    if (refusals-- > 0) return refusal;
    return {.body = "blob"};
  });
  RegistryClient client(parse_reference(server.address() + "/app"), {});
  const auto read = [&] { return client.small_blob(blob_of("blob"), 100); };
  SUBCASE("a second") {
    refusal = {.status = 429, .headers = {{"Retry-After", "1"}}};
  }
  SUBCASE("until a date") {
    refusal = {.status = 503, .headers = {{"Retry-After", date_in(1)}}};
  }
  SUBCASE("until a date that has passed, as often as it likes, within reason") {
    refusal = {.status = 429, .headers = {{"Retry-After", date_in(-100)}}};
    refusals = 3;
  }
  SUBCASE("as long as it sees fit") {
    refusal = {.status = 429};
  }
  SUBCASE("for a server that fails now and then") {
    refusal = {.status = 502};
  }
  SUBCASE("for one that ends the connection without a word") {
    refusal = {.dropped = true};
  }
  CHECK(read() == "blob");
  CHECK(refusals == -1);
}

TEST_CASE("nobody waits for longer than it is worth") {
  Reply reply;
  const HttpServer server([&](const Request&) { return reply; });
  RegistryClient client(parse_reference(server.address() + "/app"), {});
  const std::string who = "registry \"" + server.address() + "\" ";
  reply = {.status = 429, .headers = {{"Retry-After", "3600"}}};
  CHECK(message_of([&] { client.tags(); }) == who + "answers that there were too many requests");
  CHECK(hint_of([&] { client.tags(); }) ==
        "it asks for a pause of 3600 s: wait, or log in to it: most registries allow more then");
  CHECK(server.requests().size() == 2);
  // What will not change is not asked again.
  reply = {.status = 501};
  CHECK(message_of([&] { client.tags(); }) ==
        who + "answers with status 501 for repository \"app\"");
  CHECK(server.requests().size() == 3);
}

TEST_CASE("waiting ends when it is cancelled") {
  std::atomic<bool> cancelled = false;
  const HttpServer server([&](const Request&) -> Reply {
    return {.status = 429, .headers = {{"Retry-After", "100"}}, .delay = [&cancelled] {
              cancelled = true;
            }};
  });
  // It may have been cancelled before the answer came, or in the pause: it ends in any case.
  RegistryClient client(parse_reference(server.address() + "/app"), {},
                        [&] { return cancelled.load(); });
  CHECK(message_of([&] { client.tags(); }) == "interrupted");
}

TEST_CASE("a token that has expired in the middle is traded for another one") {
  std::string address;
  int number = 0;
  std::string good;
  const HttpServer server([&](const Request& request) -> Reply {
    if (request.path.starts_with("/token")) {
      good = "token" + std::to_string(++number);
      return {.body = R"({"token":")" + good + R"(","expires_in":3600})"};
    }
    if (value_of(request, "authorization") != "Bearer " + good)
      return {.status = 401,
              .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + address +
                                                   "/token\",scope=\"repository:app:pull\""}}};
    return {.body = "blob"};
  });
  address = server.address();
  RegistryClient client(parse_reference(address + "/app"), {});
  CHECK(client.small_blob(blob_of("blob"), 100) == "blob");
  CHECK(client.small_blob(blob_of("blob"), 100) == "blob");
  CHECK(number == 1);
  good = "none";  // the service has taken it back
  CHECK(client.small_blob(blob_of("blob"), 100) == "blob");
  CHECK(number == 2);
  // Anonymous, all of it.
  for (const Request& request : server.requests())
    if (request.path.starts_with("/token")) CHECK(value_of(request, "authorization") == "");
}

TEST_CASE("a token that is about to expire is not used for what may take long") {
  std::string address;
  int number = 0;
  const HttpServer server([&](const Request& request) -> Reply {
    // Ten seconds before its end it counts as expired: at once, here.
    if (request.path.starts_with("/token"))
      return {.body = R"({"token":"t)" + std::to_string(++number) + R"(","expires_in":1})"};
    if (value_of(request, "authorization").empty())
      return {.status = 401,
              .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + address + "/token\""}}};
    return {.body = "blob"};
  });
  address = server.address();
  RegistryClient client(parse_reference(address + "/app"), {});
  CHECK(client.small_blob(blob_of("blob"), 100) == "blob");
  CHECK(client.small_blob(blob_of("blob"), 100) == "blob");
  // The specification's sixty seconds hold, whatever a service says.
  CHECK(number == 1);
}

TEST_CASE("a token service that speaks OAuth 2 alone gets the login by POST") {
  std::string address;
  const HttpServer server([&](const Request& request) -> Reply {
    if (request.path.starts_with("/token"))
      return request.method == "POST" ? Reply{.body = R"({"access_token":"xyz"})"}
                                      : Reply{.status = 405};
    if (value_of(request, "authorization") != "Bearer xyz")
      return {.status = 401,
              .headers = {{"WWW-Authenticate",
                           "Bearer realm=\"http://" + address + "/token\",service=\"s\""}}};
    return {.body = "blob"};
  });
  address = server.address();
  RegistryClient client(parse_reference(address + "/app"), login);
  CHECK(client.small_blob(blob_of("blob"), 100) == "blob");
  const Request post = server.requests().at(2);
  CHECK(post.path == "/token");
  CHECK(post.body ==
        "grant_type=password&client_id=slipway&username=user&password=secret&service=s&scope="
        "repository%3Aapp%3Apull");
  CHECK(value_of(post, "authorization") == "");
}

TEST_CASE("to mount a blob a token is asked for that reads from the other repository") {
  std::string address;
  std::string scopes;
  int mount_status = 201;
  bool denies = false;
  const HttpServer server([&](const Request& request) -> Reply {
    if (request.path.starts_with("/token")) {
      scopes = request.path.substr(request.path.find("scope="));
      if (denies) return {.status = 403};
      return {.body = R"({"token":"t"})"};
    }
    if (value_of(request, "authorization").empty())
      return {.status = 401,
              .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + address +
                                                   "/token\",scope=\"repository:app:pull,push\""}}};
    return {.status = mount_status, .headers = {{"Location", "/v2/app/blobs/uploads/7"}}};
  });
  address = server.address();
  RegistryClient client(parse_reference(address + "/app"), login);
  const Digest digest = sha256("blob");
  CHECK(client.mount_blob(digest, "team/base"));
  CHECK(scopes == "scope=repository%3Aapp%3Apull%2Cpush&scope=repository%3Ateam%2Fbase%3Apull");
  CHECK(server.requests().back().method == "POST");
  CHECK(server.requests().back().path ==
        "/v2/app/blobs/uploads/?mount=sha256%3A" + digest.hex() + "&from=team%2Fbase");
  CHECK(value_of(server.requests().back(), "content-length") == "0");
  // No right to read there is no error: the blob is put instead.
  denies = true;
  CHECK_FALSE(client.mount_blob(digest, "secret/base"));
}

TEST_CASE("where a registry denies, a credential helper's failure is told") {
  const HttpServer server([](const Request&) -> Reply { return {.status = 403}; });
  RegistryClient client(parse_reference(server.address() + "/app"),
                        {.user = {},
                         .password = {},
                         .identity_token = {},
                         .problem = "the credential helper \"x\" is not installed"});
  CHECK(hint_of([&] { client.tags(); }) == "the credential helper \"x\" is not installed");
}
