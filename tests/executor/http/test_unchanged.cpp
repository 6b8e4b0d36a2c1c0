// ADD of a URL a second time: what is asked and what is believed; checksums.
#include "file_server.hpp"

#include <ir/checksum.hpp>

#include <doctest/doctest.h>

using namespace slipway;

TEST_CASE("a file with an ETag is asked about by HEAD, and downloaded again when it has changed") {
  FileServer files{.etag = "\"one\"", .modified = {}};
  TestBuild build;
  CHECK(build.solve(add(files.url())).size() == 2);  // fetched, and added
  CHECK(build.solve(add(files.url())).empty());
  CHECK(methods(files.server) == "GET HEAD");
  CHECK(header(files.server.requests().back(), "if-none-match") == "\"one\"");

  files.content = "other";
  files.etag = "\"two\"";
  CHECK(build.solve(add(files.url())).size() == 2);
  CHECK(build.file("f") == "other");
  CHECK(methods(files.server) == "GET HEAD HEAD GET");
  CHECK(build.reason("fetch " + files.url()) == "content changed");

  SUBCASE("and when it is again what it was before, nothing is") {
    files.content = "content";
    files.etag = "\"one\"";
    CHECK(build.solve(add(files.url())).empty());
    CHECK(build.file("f") == "content");
    CHECK(methods(files.server) == "GET HEAD HEAD GET HEAD");
    CHECK(header(files.server.requests().back(), "if-none-match") == "\"two\", \"one\"");
  }
  SUBCASE("in another process as well") {
    build.reopen();
    CHECK(build.solve(add(files.url())).empty());
    CHECK(methods(files.server) == "GET HEAD HEAD GET HEAD");
  }
  SUBCASE("with --no-cache it is added again, not downloaded, as in docker") {
    CHECK(build.solve(add(files.url()), {.no_cache = true}).size() == 1);
    CHECK(methods(files.server) == "GET HEAD HEAD GET HEAD");
  }
}

TEST_CASE("a weak ETag counts like a strong one") {
  FileServer files{.etag = "W/\"weak\"", .modified = {}};
  TestBuild build;
  build.solve(add(files.url()));
  CHECK(build.solve(add(files.url())).empty());
  CHECK(methods(files.server) == "GET HEAD");
  CHECK(header(files.server.requests().back(), "if-none-match") == "\"weak\"");
}

TEST_CASE("a server that gives ETags and never says 304 is believed by its ETag") {
  HttpServer server([](const Request&) -> Reply {
    return {.headers = {{"ETag", "\"same\""}}, .body = "content"};
  });
  TestBuild build;
  const std::string dockerfile = add("http://" + server.address() + "/x");
  build.solve(dockerfile);
  CHECK(build.solve(dockerfile).empty());
  CHECK(methods(server) == "GET HEAD");
}

TEST_CASE("a 304 that names no ETag means the only one that was asked about") {
  HttpServer server([](const Request& request) -> Reply {
    if (!header(request, "if-none-match").empty()) return {.status = 304};
    return {.headers = {{"ETag", "\"same\""}}, .body = "content"};
  });
  TestBuild build;
  const std::string dockerfile = add("http://" + server.address() + "/x");
  build.solve(dockerfile);
  CHECK(build.solve(dockerfile).empty());
}

TEST_CASE("a server that refuses HEAD is asked by GET") {
  HttpServer server([](const Request& request) -> Reply {
    if (request.method == "HEAD") return {.status = 405};
    if (header(request, "if-none-match") == "\"same\"")
      return {.status = 304, .headers = {{"ETag", "\"same\""}}};
    return {.headers = {{"ETag", "\"same\""}}, .body = "content"};
  });
  TestBuild build;
  const std::string dockerfile = add("http://" + server.address() + "/x");
  build.solve(dockerfile);
  CHECK(build.solve(dockerfile).empty());
  CHECK(methods(server) == "GET HEAD GET");
}

TEST_CASE("a 304 for what nobody has is not believed") {
  HttpServer server([](const Request& request) -> Reply {
    if (header(request, "if-none-match").empty())
      return {.headers = {{"ETag", "\"real\""}}, .body = "content"};
    return {.status = 304, .headers = {{"ETag", "\"invented\""}}};
  });
  TestBuild build;
  const std::string dockerfile = add("http://" + server.address() + "/x");
  build.solve(dockerfile);
  CHECK(build.solve(dockerfile).empty());  // the same content after all
  CHECK(methods(server) == "GET HEAD GET GET");
  CHECK(build.file("f") == "content");
}

TEST_CASE("without an ETag the date is asked about") {
  FileServer files{.etag = {}, .modified = old_date};
  TestBuild build;
  build.solve(add(files.url()));
  CHECK(build.solve(add(files.url())).empty());
  CHECK(methods(files.server) == "GET GET");
  CHECK(header(files.server.requests().back(), "if-modified-since") == old_date);
}

TEST_CASE("a date of the second in which the file was fetched proves nothing") {
  HttpServer server([](const Request& request) -> Reply {
    CHECK(header(request, "if-modified-since").empty());
    return {.headers = {{"Date", old_date}, {"Last-Modified", old_date}}, .body = "content"};
  });
  TestBuild build;
  const std::string dockerfile = add("http://" + server.address() + "/x");
  build.solve(dockerfile);
  CHECK(build.solve(dockerfile).empty());  // downloaded again, and the same
  CHECK(methods(server) == "GET GET");
}

TEST_CASE("a new date alone runs nothing again") {
  FileServer files{.etag = {}, .modified = old_date};
  TestBuild build;
  const std::string dockerfile = add(files.url()) + "RUN work\n";
  build.runner.on("work", [](FakeStep& step) {
    step.write("/made", "x");
    return 0;
  });
  build.solve(dockerfile);
  files.modified = "Wed, 03 Jan 2024 11:00:00 GMT";
  CHECK(build.solve(dockerfile).empty());
}

TEST_CASE("a pinned file is downloaded once and never asked about again") {
  FileServer files{.etag = "\"one\"", .modified = {}};
  TestBuild build;
  const auto pinned = [&](const std::string& checksum) {
    return add(files.url(), "--checksum=" + checksum);
  };
  SUBCASE("by sha256") {
    build.solve(pinned(sha256("content").text()));
    files.content = "changed";
    files.etag = "\"two\"";
    CHECK(build.solve(pinned(sha256("content").text())).empty());
    CHECK(build.file("f") == "content");
    CHECK(methods(files.server) == "GET");
  }
  SUBCASE("by sha512 and sha384, which only change how it is verified") {
    for (const char* algorithm : {"sha512", "sha384"}) {
      ChecksumHasher hasher(algorithm);
      hasher.update(std::as_bytes(std::span(files.content)));
      const std::string checksum = hasher.finish();
      build.solve(pinned(checksum));
      CHECK(build.solve(pinned(checksum)).empty());
    }
    CHECK(methods(files.server) == "GET GET");
  }
  SUBCASE("also where it was fetched without a checksum before") {
    build.solve(add(files.url()));
    CHECK(build.solve(pinned(sha256("content").text())).empty());
    CHECK(methods(files.server) == "GET");
  }
  SUBCASE("and with the checksum of another version it is fetched") {
    build.solve(add(files.url()));
    files.content = "new";
    build.solve(pinned(sha256("new").text()));
    CHECK(build.file("f") == "new");
  }
}

TEST_CASE("checksums are those of the algorithms") {
  const auto sum = [](const char* algorithm, std::string_view text) {
    ChecksumHasher hasher(algorithm);
    hasher.update(std::as_bytes(std::span(text)));
    return hasher.finish();
  };
  // FIPS 180-4's example "abc".
  CHECK(sum("sha256", "abc") ==
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sum("sha384", "abc") ==
        "sha384:cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
        "8086072ba1e7cc2358baeca134c825a7");
  CHECK(sum("sha512", "abc") ==
        "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  CHECK_THROWS_AS(ChecksumHasher("md5"), Error);
}

TEST_CASE("a file with another checksum is refused, shown with both, and nothing of it is kept") {
  FileServer files{.etag = "\"one\"", .modified = {}};
  TestBuild build;
  const std::string wanted = sha256("what was wanted").text();
  const std::string message = refusal(build, add(files.url(), "--checksum=" + wanted));
  CHECK(contains(message, "Dockerfile:2:"));
  CHECK(contains(message, "\"" + files.url() + "\""));
  CHECK(contains(message, "expected " + wanted));
  CHECK(contains(message, "got " + sha256("content").text()));
  CHECK(nothing_unfinished(build));
  // Not even the ETag: the next build downloads it.
  build.solve(add(files.url()));
  CHECK(methods(files.server) == "GET GET");
}

TEST_CASE("of a file that changes all the time the newest few versions are asked about") {
  FileServer files{.etag = "\"0\"", .modified = {}};
  TestBuild build;
  for (int i = 1; i <= 12; ++i) {
    files.content = std::to_string(i);
    files.etag = "\"" + std::to_string(i) + "\"";
    build.solve(add(files.url()));
  }
  build.solve(add(files.url()));
  CHECK(header(files.server.requests().back(), "if-none-match") ==
        R"("12", "11", "10", "9", "8", "7", "6", "5")");
}

TEST_CASE("an ETag that no server would take back is not sent") {
  FileServer files{.etag = '"' + std::string(5000, 'x') + '"', .modified = {}};
  TestBuild build;
  build.solve(add(files.url()));
  CHECK(build.solve(add(files.url())).empty());
  CHECK(methods(files.server) == "GET GET");
  CHECK(header(files.server.requests().back(), "if-none-match").empty());
}

TEST_CASE("a plan asks whether a file is still that one, with what opens it for a build") {
  std::string etag = "\"1\"";
  HttpServer server([&](const Request& request) -> Reply {
    if (header(request, "authorization") != "Bearer abc") return {.status = 401};
    return {.headers = {{"ETag", etag}}, .body = "content"};
  });
  TestBuild build;
  build.secrets["HTTP_AUTH_TOKEN_127.0.0.1"] = "abc";
  const std::string dockerfile = add("http://" + server.address() + "/x");
  build.solve(dockerfile);
  const auto outcomes = [&] {
    std::vector<PlannedStep::Outcome> list;
    for (const PlannedStep& step : build.plan(dockerfile))
      if (step.outcome != PlannedStep::Outcome::local) list.push_back(step.outcome);
    return list;
  };
  using Outcomes = std::vector<PlannedStep::Outcome>;
  CHECK(outcomes() == Outcomes(2, PlannedStep::Outcome::hit));
  etag = "\"2\"";
  CHECK(outcomes() == Outcomes(2, PlannedStep::Outcome::unknown));
}
