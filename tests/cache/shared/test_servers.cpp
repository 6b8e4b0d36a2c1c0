// The transports against the server programs that people run.
#include "../programs.hpp"
#include "same_maps.hpp"
#include "server_process.hpp"

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
