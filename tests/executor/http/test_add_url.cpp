// ADD of a URL: what is added.
#include "file_server.hpp"

#include <ir/remote_source.hpp>

#include <doctest/doctest.h>

using namespace slipway;

TEST_CASE("a file of the web is root's, 0600, and as old as its server says") {
  FileServer files{.etag = {}, .modified = old_date};
  TestBuild build;
  build.solve(add(files.url()));
  CHECK(build.file("f") == "content");
  const auto entry = entry_of(build, "f");
  REQUIRE(entry.has_value());
  CHECK(entry->mode == 0600);
  CHECK(entry->uid == 0);
  CHECK(entry->mtime == old_time);
}

TEST_CASE("a file without Last-Modified is from 1970") {
  FileServer files{.etag = {}, .modified = {}};
  TestBuild build;
  build.solve(add(files.url()));
  CHECK(entry_of(build, "f").value().mtime == 0);
}

TEST_CASE("a file's time is never one that a tar cannot hold") {
  FileServer files{.etag = {}, .modified = "Thu, 01 Jan 1960 00:00:00 GMT"};
  TestBuild build;
  build.solve(add(files.url()));
  CHECK(entry_of(build, "f").value().mtime == 0);
}

TEST_CASE("--chmod and --chown are ADD's, whatever was fetched") {
  FileServer files{.etag = {}, .modified = {}};
  TestBuild build;
  build.solve(add(files.url(), "--chmod=4755 --chown=7:8"));
  const auto entry = entry_of(build, "f").value();
  CHECK(entry.mode == 04755);
  CHECK(entry.uid == 7);
  CHECK(entry.gid == 8);
}

TEST_CASE("in a directory the file has the name its URL ends in") {
  FileServer files{.etag = {}, .modified = {}};
  const auto name = [&](const std::string& path) {
    TestBuild build;
    build.solve(add(files.url(path), "", "/dir/"));
    return build.store().layers().view(build.result.layers).list("dir");
  };
  using Names = std::vector<std::string>;
  CHECK(name("/a/b/tool.tar.gz") == Names{"tool.tar.gz"});
  CHECK(name("/a/tool?version=1&x=/y#part") == Names{"tool"});
  CHECK(name("/a/with%20blank") == Names{"with blank"});
  CHECK(name("/a/b%2Fc") == Names{"c"});
  CHECK(name("/a/") == Names{"a"});
  CHECK(name("/") == Names{"__unnamed__"});
  CHECK(name("") == Names{"__unnamed__"});
  CHECK(name("/a/..") == Names{"__unnamed__"});
  CHECK(name("/a/line%0Abreak") == Names{"download"});
  CHECK(name("/a/nul%00byte") == Names{"download"});
}

TEST_CASE("what the server calls the file is not asked, as in docker") {
  HttpServer server([](const Request&) -> Reply {
    return {.headers = {{"Content-Disposition", "attachment; filename=\"../other\""}}, .body = "x"};
  });
  TestBuild build;
  build.solve(add("http://" + server.address() + "/name", "", "/dir/"));
  CHECK(build.file("dir/name") == "x");
}

TEST_CASE("what was compressed for the way is stored plain") {
  // "plain text\n" by gzip -n.
  constexpr unsigned char packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00,
                                      0x00, 0x03, 0x2b, 0xc8, 0x49, 0xcc, 0xcc, 0x53,
                                      0x28, 0x49, 0xad, 0x28, 0xe1, 0x02, 0x00, 0x22,
                                      0x36, 0x29, 0xf7, 0x0b, 0x00, 0x00, 0x00};
  const std::string body(reinterpret_cast<const char*>(packed), sizeof packed);
  bool coded = true;
  HttpServer server([&](const Request& request) -> Reply {
    CHECK(header(request, "accept-encoding") == "gzip");
    if (!coded) return {.body = body};
    return {.headers = {{"Content-Encoding", "gzip"}}, .body = body};
  });
  TestBuild build;
  build.solve(add("http://" + server.address() + "/x.gz"));
  CHECK(build.file("f") == "plain text\n");
  // A file that is a gzip file stays one.
  coded = false;
  build.solve(add("http://" + server.address() + "/x.gz"));
  CHECK(build.file("f") == body);
}

TEST_CASE("passwords in a URL are used, and shown and kept nowhere") {
  HttpServer server([](const Request& request) -> Reply {
    // user:secret
    if (header(request, "authorization") != "Basic dXNlcjpzZWNyZXQ=") return {.status = 401};
    if (request.path == "/missing") return {.status = 404};
    return {.headers = {{"ETag", "\"one\""}}, .body = "content"};
  });
  TestBuild build;
  build.solve(add("http://user:secret@" + server.address() + "/x"));
  CHECK(build.file("f") == "content");
  for (std::uint32_t i = 0; i < build.lowered->graph.size(); ++i)
    CHECK_FALSE(contains(build.lowered->graph[VertexId{i}].name, "secret"));
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(build.store().state().root())) {
    if (!file.is_regular_file()) continue;
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(stream), {});
    CAPTURE(file.path());
    CHECK_FALSE(contains(bytes, "user:secret"));
  }
  try {
    build.solve(add("http://user:secret@" + server.address() + "/missing"));
    FAIL("it was fetched");
  } catch (const Error& error) {
    CHECK(contains(error.what(), "http://xxxxx:xxxxx@"));
    CHECK_FALSE(contains(error.what(), "secret"));
  }
}

TEST_CASE("an archive is unpacked if ADD is asked to, and else stays what it is") {
  // One regular file "in" with "inside", as `tar --format=ustar` has it.
  std::string tar(512, '\0');
  const auto put = [&](std::size_t at, std::string_view text) {
    tar.replace(at, text.size(), text);
  };
  put(0, "in");
  put(100, "0000640");
  put(108, "0000003");
  put(116, "0000004");
  put(124, "00000000006");
  put(136, "00000000000");
  put(148, "        ");
  put(156, "0");
  put(257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : tar) sum += static_cast<unsigned char>(c);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  put(148, std::string_view(digits, 7));
  tar += "inside";
  tar.resize(512 * 4, '\0');

  FileServer files{.etag = {}, .modified = {}};
  files.content = tar;
  TestBuild build;
  build.solve(add(files.url("/a.tar"), "", "/d/"));
  CHECK(build.file("d/a.tar") == tar);
  build.solve(add(files.url("/a.tar"), "--unpack", "/d/"));
  CHECK(build.file("d/in") == "inside");
  CHECK_FALSE(build.file("d/a.tar").has_value());
}

TEST_CASE("--link adds a file of the web in a layer of its own") {
  FileServer files{.etag = "\"1\"", .modified = {}};
  TestBuild build;
  build.context().write("below", "1");
  const auto dockerfile = [&](const std::string& below) {
    return "FROM scratch\nCOPY " + below + " /below\nADD --link " + files.url() + " /dir/\n";
  };
  build.solve(dockerfile("below"));
  CHECK(build.file("dir/file") == "content");
  REQUIRE(build.result.layers.size() == 2);
  const LayerStack before = build.result.layers;
  build.context().write("below", "2");
  CHECK(build.solve(dockerfile("below")) == Steps{"COPY below /below"});
  REQUIRE(build.result.layers.size() == 2);
  CHECK(build.result.layers[0].diff_id != before[0].diff_id);
  CHECK(build.result.layers[1].diff_id == before[1].diff_id);
}

TEST_CASE("a secret named after the host opens what is closed") {
  HttpServer server([](const Request& request) -> Reply {
    if (header(request, "authorization") != "Bearer abc") return {.status = 401};
    return {.body = "content"};
  });
  TestBuild build;
  build.secrets["HTTP_AUTH_TOKEN_127.0.0.1"] = "abc";
  build.solve(add("http://" + server.address() + "/x"));
  CHECK(build.file("f") == "content");
}

TEST_CASE("what people put before the @ of a URL is masked, and nothing else") {
  CHECK(without_credentials("https://a:b@host/p") == "https://xxxxx:xxxxx@host/p");
  CHECK(without_credentials("https://token@host:1/p@q") == "https://xxxxx@host:1/p@q");
  CHECK(without_credentials("https://a:b@c@host") == "https://xxxxx:xxxxx@host");
  CHECK(without_credentials("https://host/p?mail=a@b") == "https://host/p?mail=a@b");
  CHECK(without_credentials("ssh://git@host/p") == "ssh://git@host/p");
  CHECK(without_credentials("no URL") == "no URL");
}
