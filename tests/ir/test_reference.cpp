#include <doctest/doctest.h>

#include <ir/error.hpp>
#include <ir/reference.hpp>

#include <string>

using namespace slipway;

TEST_CASE("references are completed by docker's rules, and shown as docker shows them") {
  struct Row {
    const char* written;
    const char* full;
    const char* shown;
  };
  static constexpr Row rows[] = {
      {"debian", "docker.io/library/debian:latest", "debian:latest"},
      {"debian:bookworm", "docker.io/library/debian:bookworm", "debian:bookworm"},
      {"docker.io/debian", "docker.io/library/debian:latest", "debian:latest"},
      {"index.docker.io/debian", "docker.io/library/debian:latest", "debian:latest"},
      {"library/debian", "docker.io/library/debian:latest", "debian:latest"},
      {"team/app", "docker.io/team/app:latest", "team/app:latest"},
      {"library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"},
      {"localhost/app", "localhost/app:latest", "localhost/app:latest"},
      {"localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000/app:1"},
      // Without a slash there is no domain, so this is a tag.
      {"localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"},
      {"registry.example/a/b/c:v1.2", "registry.example/a/b/c:v1.2", "registry.example/a/b/c:v1.2"},
      {"HOST/app", "HOST/app:latest", "HOST/app:latest"},
      {"[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"},
      {"[2001:db8::1]/app:x", "[2001:db8::1]/app:x", "[2001:db8::1]/app:x"},
      {"a__b/c.d-e---f:_T.a-g", "docker.io/a__b/c.d-e---f:_T.a-g", "a__b/c.d-e---f:_T.a-g"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.written);
    const Reference reference = parse_reference(row.written);
    CHECK(reference.text() == row.full);
    CHECK(reference.familiar() == row.shown);
    CHECK(parse_reference(reference.text()) == reference);
    CHECK(parse_reference(reference.familiar()) == reference);
  }
}

TEST_CASE("a digest stands for the tag, or beside it") {
  const std::string digest = sha256("x").text();
  const Reference alone = parse_reference("debian@" + digest);
  CHECK(alone.tag.empty());
  CHECK(alone.digest == sha256("x"));
  CHECK(alone.familiar() == "debian@" + digest);
  const Reference both = parse_reference("localhost:5000/app:1@" + digest);
  CHECK(both.tag == "1");
  CHECK(both.text() == "localhost:5000/app:1@" + digest);
}

TEST_CASE("what is no reference is refused, with the reason") {
  struct Row {
    std::string written;
    const char* reason;
  };
  const Row rows[] = {
      {"", "empty"},
      {std::string(2000, 'a'), "too long"},
      {std::string(300, 'a'), "255"},
      {std::string(64, 'a'), "by its ID"},
      {"https://registry.example/app", "scheme"},
      {"Debian", "upper-case"},
      {"team/App", "upper-case"},
      {"app:", "tag"},
      {"app:-x", "tag"},
      {"app:" + std::string(129, 'a'), "tag"},
      {"app:a:b", "tag"},
      {"app@sha256:12", "digest"},
      {"app@md5:" + std::string(64, 'a'), "digest"},
      {"app@" + sha256("x").text() + "@" + sha256("y").text(), "digest"},
      {"/app", "repository"},
      {"app/", "repository"},
      {"a//b", "repository"},
      {"a___b", "repository"},
      {"a..b", "repository"},
      {"-a", "repository"},
      {"a-", "repository"},
      {"a b", "repository"},
      {std::string("a\0b", 3), "repository"},
      {"../../etc/passwd", "registry"},
      {"host:port/app", "registry"},
      {"host.:80/app", "registry"},
      {"-host.x/app", "registry"},
      {"host.x/", "repository"},
      {"[::1/app", "registry"},
      {"[]:80/app", "registry"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.written);
    try {
      (void)parse_reference(row.written);
      FAIL_CHECK("accepted");
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find(row.reason) != std::string::npos);
    }
  }
}
