// Files behind TLS: whose certificates count.
#include "../process_variables.hpp"
#include "file_server.hpp"
#include "tls_front.hpp"

#include <cache/programs.hpp>

#include <doctest/doctest.h>

using namespace slipway;

TEST_CASE("a file behind an authority of one's own is fetched if SSL_CERT_FILE names it") {
  if (!has_programs({"openssl"})) return;
  const Authority authority;
  authority.issue("server", "IP:127.0.0.1");
  FileServer files{.etag = {}, .modified = {}};
  const TlsFront front(files.server.address(), authority, "server");
  const std::string url = "https://" + front.address() + "/file";
  TestBuild build;

  const std::string untrusted = refusal(build, add(url));
  CAPTURE(untrusted);
  CHECK(contains(untrusted, "cannot fetch \"" + url + "\": the server \"" + front.address()));
  CHECK(contains(untrusted, "certificate"));
  CHECK(contains(untrusted, "name it in SSL_CERT_FILE"));
  CHECK(files.server.requests().empty());
  CHECK(nothing_unfinished(build));
  {
    const ProcessVariables trusting{{"SSL_CERT_FILE", authority.file()}};
    build.solve(add(url));
    CHECK(build.file("f") == "content");
  }
  // What was trusted once is no longer.
  CHECK(contains(refusal(build, add(url)), "name it in SSL_CERT_FILE"));
  const ProcessVariables wrong{{"SSL_CERT_FILE", "/nonexistent/ca.pem"}};
  const std::string missing = refusal(build, add(url));
  CAPTURE(missing);
  CHECK(contains(missing, "/nonexistent/ca.pem"));
  CHECK(contains(missing, "SSL_CERT_FILE"));
}

TEST_CASE("a certificate for another name is refused, however trusted") {
  if (!has_programs({"openssl"})) return;
  const Authority authority;
  authority.issue("server", "DNS:elsewhere.example");
  FileServer files{.etag = {}, .modified = {}};
  const TlsFront front(files.server.address(), authority, "server");
  const ProcessVariables trusting{{"SSL_CERT_FILE", authority.file()}};
  TestBuild build;
  const std::string refused = refusal(build, add("https://" + front.address() + "/file"));
  CAPTURE(refused);
  CHECK(contains(refused, "does not answer"));
  CHECK(contains(refused, "127.0.0.1"));
  CHECK(contains(refused, "its certificate is for another name"));
  CHECK_FALSE(contains(refused, "SSL_CERT_FILE"));
  CHECK(files.server.requests().empty());
}

TEST_CASE("a redirect from HTTPS to another host takes no credentials along") {
  if (!has_programs({"openssl"})) return;
  const Authority authority;
  authority.issue("server", "IP:127.0.0.1");
  FileServer files{.etag = {}, .modified = {}};
  HttpServer first([&](const Request& request) -> Reply {
    if (header(request, "authorization") != "Bearer abc") return {.status = 401};
    return {.status = 302, .headers = {{"Location", files.url()}}};
  });
  const TlsFront front(first.address(), authority, "server");
  const ProcessVariables trusting{{"SSL_CERT_FILE", authority.file()}};
  TestBuild build;
  build.secrets["HTTP_AUTH_TOKEN_127.0.0.1"] = "abc";
  build.solve(add("https://" + front.address() + "/file"));
  CHECK(build.file("f") == "content");
  REQUIRE(files.server.requests().size() == 1);
  CHECK(header(files.server.requests().front(), "authorization") == "");
}
