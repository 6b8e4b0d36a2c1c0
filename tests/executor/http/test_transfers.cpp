// Transfers as servers make them: redirects, failures, slow and endless ones.
#include "file_server.hpp"

#include <executor/http/fetch.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

using namespace slipway;

TEST_CASE("redirects are followed, and the first URL's end is the name") {
  std::string address;
  HttpServer server([&](const Request& request) -> Reply {
    if (request.path == "/start/name") return {.status = 302, .headers = {{"Location", "/second"}}};
    if (request.path == "/second")
      return {
          .status = 301, .headers = {{"Location", "http://" + address + "/third/x"}}, .body = "no"};
    return {.body = "found"};
  });
  address = server.address();
  TestBuild build;
  build.solve(add("http://" + address + "/start/name", "", "/d/"));
  CHECK(build.file("d/name") == "found");
}

TEST_CASE("a redirect in a circle ends") {
  HttpServer server([](const Request&) -> Reply {
    return {.status = 302, .headers = {{"Location", "/again"}}};
  });
  TestBuild build;
  CHECK(contains(refusal(build, add("http://" + server.address() + "/x")), "in a circle"));
}

TEST_CASE("a redirect out of the web is refused") {
  HttpServer server([](const Request&) -> Reply {
    return {.status = 302, .headers = {{"Location", "file:///etc/passwd"}}};
  });
  TestBuild build;
  const std::string message = refusal(build, add("http://" + server.address() + "/x"));
  CHECK(contains(message, "which is not the web"));
}

TEST_CASE("a status that is no success is named with its URL") {
  int status = 404;
  HttpServer server([&](const Request&) -> Reply { return {.status = status, .body = "<html>"}; });
  TestBuild build;
  const std::string url = "http://" + server.address() + "/missing";
  std::string message = refusal(build, add(url));
  CHECK(contains(message, "cannot fetch \"" + url + "\": the server answers with status 404"));
  CHECK(contains(message, "check the URL"));
  CHECK(contains(message, "Dockerfile:2:5"));
  status = 403;
  CHECK(contains(refusal(build, add(url)), "HTTP_AUTH_TOKEN_"));
  status = 503;
  CHECK(contains(refusal(build, add(url)), "try again later"));
  // What was never asked for is no success either.
  status = 304;
  CHECK(contains(refusal(build, add(url)), "status 304"));
}

TEST_CASE("an explanation without an end is not read to it") {
  HttpServer server([](const Request&) -> Reply {
    return {.status = 404, .stream = [](const auto& send) {
              const std::string block(1 << 16, 'x');
              while (send(block)) continue;
            }};
  });
  TestBuild build;
  CHECK(contains(refusal(build, add("http://" + server.address() + "/x")), "status 404"));
}

TEST_CASE("a transfer that breaks off gives no file") {
  HttpServer server([](const Request&) -> Reply { return {.body = "half", .claimed_extra = 4}; });
  TestBuild build;
  const std::string url = "http://" + server.address() + "/cut";
  const std::string message = refusal(build, add(url));
  CHECK(contains(message, "cannot fetch \"" + url + "\""));
  CHECK(contains(message, "broke off its answer"));
  CHECK(nothing_unfinished(build));
}

TEST_CASE("a transfer without a length that breaks off gives no file either") {
  HttpServer server([](const Request&) -> Reply {
    return {.headers = {{"Transfer-Encoding", "chunked"}},
            .stream = [](const auto& send) { send("5\r\npart \r\n5\r\npa"); }};
  });
  TestBuild build;
  CHECK(
      contains(refusal(build, add("http://" + server.address() + "/cut")), "broke off its answer"));
}

TEST_CASE("nobody who listens is said so") {
  std::string url;
  {
    const HttpServer server([](const Request&) -> Reply { return {}; });
    url = "http://" + server.address() + "/gone";
  }
  TestBuild build;
  CHECK(contains(refusal(build, add(url)), "does not answer"));
}

TEST_CASE("a slow server is waited for") {
  HttpServer server([](const Request&) -> Reply {
    return {.stream = [](const auto& send) {
      for (int i = 0; i < 5; ++i) {
        send("part ");
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
      }
    }};
  });
  TestBuild build;
  build.solve(add("http://" + server.address() + "/x"));
  CHECK(build.file("f") == "part part part part part ");
}

TEST_CASE("downloads wait beside each other, and hold up no other step") {
  // Each waits until all of them have been asked for.
  constexpr int count = 6;
  std::atomic<int> asked = 0;
  std::vector<std::unique_ptr<HttpServer>> servers;
  std::string dockerfile = "FROM scratch\nADD";
  for (int i = 0; i < count; ++i) {
    servers.push_back(std::make_unique<HttpServer>([&](const Request&) -> Reply {
      ++asked;
      for (int tries = 0; asked < count && tries < 500; ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      return {.body = asked >= count ? "together" : "alone"};
    }));
    dockerfile += " http://" + servers.back()->address() + "/f" + std::to_string(i);
  }
  TestBuild build;
  build.solve(dockerfile + " /\n", {.max_parallelism = count});
  for (int i = 0; i < count; ++i) CHECK(build.file("f" + std::to_string(i)) == "together");
}

TEST_CASE("a failure elsewhere ends a download without an end") {
  std::atomic<bool> began = false;
  HttpServer server([&](const Request&) -> Reply {
    return {.stream = [&](const auto& send) {
      began = true;
      while (send("drop ")) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }};
  });
  TestBuild build;
  build.runner.on("fail", [&](FakeStep& step) {
    while (!began) step.sleep(std::chrono::milliseconds(10));
    return 1;
  });
  const std::string message = refusal(
      build,
      "FROM scratch AS a\nCOPY x /\nRUN fail\nFROM scratch\nCOPY --from=a /x /\nADD http://" +
          server.address() + "/x /\n");
  CHECK_FALSE(contains(message, "it was built"));
  CHECK(nothing_unfinished(build));
}

TEST_CASE("a file without an end is cut off at the limit") {
  HttpServer server([](const Request&) -> Reply {
    return {.stream = [](const auto& send) {
      const std::string block(1 << 16, '\0');
      while (send(block)) continue;
    }};
  });
  TestBuild build;
  HttpFetch fetch;
  fetch.operation = {"http://" + server.address() + "/endless", "endless", ""};
  fetch.most_bytes = 10 << 20;
  const Staging staging = build.store().layers().stage();
  try {
    fetch_http(fetch, staging);
    FAIL("it had an end");
  } catch (const Error& error) {
    CHECK(contains(error.what(), "/endless\""));
    CHECK(contains(error.what(), "larger than 10485760 bytes"));
  }
  CHECK(std::filesystem::file_size(staging.upper() / "endless") <= fetch.most_bytes);
}

TEST_CASE("a proxy is asked for what is not on loopback") {
  HttpServer proxy([](const Request& request) -> Reply { return {.body = request.path}; });
  const std::string address = "http://" + proxy.address();
  for (const char* variable : {"http_proxy", "HTTP_PROXY"}) {
    CAPTURE(variable);
    ::setenv(variable, address.c_str(), 1);
    TestBuild build;
    build.solve(add("http://host.invalid/x"));
    ::unsetenv(variable);
    CHECK(build.file("f") == "http://host.invalid/x");
  }
}
