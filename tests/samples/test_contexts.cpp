// Build contexts that are no directory: from standard input and by HTTP; and named ones.
#include "../cache/registry/http_server.hpp"
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

namespace fs = std::filesystem;
using Request = HttpServer::Request;
using Reply = HttpServer::Reply;

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// `producer | slipway build FLAGS`, with the shell's words.
Finished piped(const Workshop& workshop, const std::string& producer, const std::string& flags) {
  return run({"sh", "-c", producer + " | " SLIPWAY_PROGRAM " build --progress=plain " + flags},
             {{"SLIPWAY_ROOT", workshop.root()}, {"TMPDIR", workshop.folder()}});
}

// The image's files in a new folder; the build must have worked.
fs::path unpacked(const Workshop& workshop, const std::string& producer, const std::string& flags) {
  static int made = 0;
  const fs::path folder = workshop.folder() / ("result" + std::to_string(++made));
  const Finished built =
      piped(workshop, producer, "-o type=tar,dest=" + folder.string() + ".tar " + flags);
  INFO(built.err);
  REQUIRE(built.status == 0);
  fs::create_directory(folder);
  output_of({"tar", "-xpf", folder.string() + ".tar", "-C", folder});
  return folder;
}

// The workshop's context as a tar on standard output, everything owned by 12:34.
std::string tar_of(const Workshop& workshop, const std::string& filter = "cat") {
  return "tar -C " + workshop.context().string() + " --owner=12 --group=34 -c . | " + filter;
}

bool all_hits(const Finished& built) {
  return contains(built.err, " 0 misses");
}

// Serves what `content` holds at each moment, with an ETag of it.
struct ContentServer {
  std::string content;
  HttpServer server{[this](const Request& request) -> Reply {
    const std::string etag = "\"" + std::to_string(std::hash<std::string>()(content)) + "\"";
    const auto asked = request.headers.find("if-none-match");
    if (asked != request.headers.end() && contains(asked->second, etag))
      return {.status = 304, .headers = {{"ETag", etag}}};
    return {.headers = {{"ETag", etag}}, .body = content};
  }};
  std::string url(const std::string& path) const { return "http://" + server.address() + path; }
};

}  // namespace

TEST_CASE("a tar on standard input is the context, however it is compressed") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  workshop.write("Dockerfile", "FROM scratch\nCOPY dir /dir\n");
  workshop.write("dir/file", "content");
  for (const char* filter : {"cat", "gzip", "bzip2", "xz", "zstd -q"}) {
    CAPTURE(filter);
    const fs::path result = unpacked(workshop, tar_of(workshop, filter), "-");
    CHECK(read(result / "dir/file") == "content");
    struct stat status {};
    REQUIRE(::stat((result / "dir/file").c_str(), &status) == 0);
    // The tar's owner, as docker has it for contexts that it unpacks itself.
    if (::geteuid() != 0) continue;  // the test could not give the file its owner
    CHECK(status.st_uid == 12);
    CHECK(status.st_gid == 34);
  }
  // The same files from another compressor are the same files.
  CHECK(all_hits(piped(workshop, tar_of(workshop, "gzip -1"), "-")));
}

TEST_CASE("a tar's Dockerfile lies in the tar, wherever -f and links lead") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  workshop.write("other/Build", "FROM scratch\nCOPY Build /\nCOPY other/Build /b\n");
  workshop.write("Build", "x");
  workshop.write(".dockerignore", "Build\n");
  SUBCASE("-f names it, and a .dockerignore in a tar excludes nothing") {
    const fs::path result = unpacked(workshop, tar_of(workshop), "-f other/Build -");
    CHECK(read(result / "Build") == "x");
  }
  SUBCASE("a link leads to it") {
    fs::create_symlink("/other/Build", workshop.context() / "Dockerfile");
    CHECK(fs::exists(unpacked(workshop, tar_of(workshop), "-") / "b"));
  }
  SUBCASE("a link out of the tar leads nowhere") {
    const fs::path secret = workshop.folder() / "secret";
    std::ofstream(secret) << "FROM scratch\nCOPY Build /\n";
    fs::create_symlink(secret, workshop.context() / "Dockerfile");
    const Finished built = piped(workshop, tar_of(workshop), "-");
    CHECK(built.status == 1);
    CHECK(contains(built.err, "there is no \"Dockerfile\" in the build context on standard input"));
  }
  SUBCASE("what is not there is said, and the likely name") {
    workshop.write("Dockerfile", "FROM scratch\nCOPY Build /\n");
    const Finished built = piped(workshop, tar_of(workshop), "-f Dockerfil -");
    CHECK(built.status == 1);
    CHECK(contains(built.err, "there is no \"Dockerfil\""));
    CHECK(contains(built.err, "did you mean -f Dockerfile?"));
  }
}

TEST_CASE("a tar that is cut off is no context, and nothing of it stays") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  workshop.write("Dockerfile", "FROM scratch\nCOPY big /\n");
  workshop.write("big", std::string(1 << 20, 'x'));
  const Finished built = piped(workshop, tar_of(workshop) + " | head -c 500000", "-");
  CHECK(built.status == 1);
  CHECK(contains(built.err, "the build context on standard input cannot be unpacked"));
  for (const auto& left : fs::directory_iterator(workshop.root() / "work"))
    FAIL("there is " << left.path());
}

TEST_CASE("a tar that leads out of itself writes nothing there") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  const fs::path outside = workshop.folder() / "outside";
  fs::create_directory(outside);
  workshop.write("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
  fs::create_symlink(outside, workshop.context() / "way");
  const std::string tar = (workshop.folder() / "hostile.tar").string();
  output_of({"tar", "-C", workshop.context(), "-cf", tar, "Dockerfile", "way"});
  // The second "way" is a directory: what is in it would be written where the link leads.
  const fs::path second = workshop.folder() / "second";
  fs::create_directories(second / "way");
  std::ofstream(second / "way/escaped") << "x";
  output_of({"tar", "-C", second, "-rf", tar, "way/escaped"});
  piped(workshop, "cat " + tar, "-");
  CHECK(fs::is_empty(outside));
  ContentServer server;
  server.content = read(tar);
  piped(workshop, "true", server.url("/hostile"));
  CHECK(fs::is_empty(outside));
}

TEST_CASE("a Dockerfile on standard input has an empty context") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  const std::string dockerfile = "printf 'FROM scratch\\nCOPY . /dir/\\nCOPY <<a /\\ntext\\na\\n'";
  for (const char* filter : {"cat", "gzip", "xz"}) {
    CAPTURE(filter);
    const fs::path result = unpacked(workshop, dockerfile + " | " + filter, "-");
    CHECK(read(result / "a") == "text\n");
    CHECK(fs::is_empty(result / "dir"));
  }
  const Finished missing = piped(workshop, "printf 'FROM scratch\\nCOPY x /\\n'", "-");
  CHECK(missing.status == 1);
  CHECK(contains(missing.err, "empty, because standard input was the Dockerfile"));
  const Finished two = piped(workshop, dockerfile, "-f Dockerfile -");
  CHECK(two.status == 1);
  CHECK(contains(two.err, "-f names another one"));
  const Finished both = piped(workshop, dockerfile, "-f - -");
  CHECK(both.status == 1);
  const Finished neither = piped(workshop, "head -c 2000 /dev/zero", "-");
  CHECK(neither.status == 1);
  CHECK(contains(neither.err, "neither a tar archive nor a Dockerfile"));
}

TEST_CASE("a Dockerfile on standard input may have a directory as its context") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  workshop.write("file", "content");
  const fs::path result = unpacked(workshop, "printf 'FROM scratch\\nCOPY file /\\n'",
                                   "-f - " + workshop.context().string());
  CHECK(read(result / "file") == "content");
}

TEST_CASE("a tar by HTTP is the context, and is downloaded again only when it has changed") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  workshop.write("mydockerfile", "FROM scratch\nCOPY file /\n");
  workshop.write("file", "content");
  const fs::path tar = workshop.folder() / "context.tar";
  ContentServer files;
  const auto pack = [&](const std::string& filter) {
    output_of({"sh", "-c", tar_of(workshop, filter) + " > " + tar.string()});
    files.content = read(tar);
  };
  for (const char* filter : {"cat", "gzip", "bzip2", "xz", "zstd -q"}) {
    CAPTURE(filter);
    pack(filter);
    // No name says what it is.
    CHECK(read(unpacked(workshop, "true", "-f mydockerfile " + files.url("/archive")) / "file") ==
          "content");
  }
  const std::size_t before = files.server.requests().size();
  CHECK(all_hits(piped(workshop, "true", "-f mydockerfile " + files.url("/archive"))));
  REQUIRE(files.server.requests().size() == before + 1);
  CHECK(files.server.requests().back().method == "HEAD");

  workshop.write("file", "changed");
  pack("gzip");
  CHECK(read(unpacked(workshop, "true", "-f mydockerfile " + files.url("/archive")) / "file") ==
        "changed");

  SUBCASE("with a Dockerfile of this machine, or from standard input") {
    std::ofstream(workshop.folder() / "here") << "FROM scratch\nCOPY file /here\n";
    const std::string url = files.url("/archive");
    CHECK(fs::exists(
        unpacked(workshop, "true", "-f " + (workshop.folder() / "here").string() + " " + url) /
        "here"));
    CHECK(fs::exists(
        unpacked(workshop, "printf 'FROM scratch\\nCOPY file /piped\\n'", "-f - " + url) /
        "piped"));
  }
}

TEST_CASE("a Dockerfile by HTTP is alone with itself") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  ContentServer files;
  files.content = "FROM scratch\nCOPY context /\n";
  // As docker: -f says nothing then, and the file's name in its context is "context".
  const fs::path result = unpacked(workshop, "true", "-f bogus " + files.url("/df"));
  CHECK(read(result / "context") == files.content);
}

TEST_CASE("a closed server is opened by a secret that has its name") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  HttpServer closed([](const Request& request) -> Reply {
    const auto authorization = request.headers.find("authorization");
    if (authorization == request.headers.end() || authorization->second != "Bearer abc")
      return {.status = 401};
    return {.body = "FROM scratch\nCOPY context /\n"};
  });
  const std::string url = "http://" + closed.address() + "/Dockerfile";
  const Finished refused = piped(workshop, "true", url);
  CHECK(refused.status == 1);
  CHECK(contains(refused.err, "HTTP_AUTH_TOKEN_"));
  const fs::path token = workshop.folder() / "token";
  std::ofstream(token) << "abc";
  const Finished built = piped(
      workshop, "true", "--secret id=HTTP_AUTH_TOKEN_127.0.0.1,src=" + token.string() + " " + url);
  INFO(built.err);
  CHECK(built.status == 0);
}

TEST_CASE("what a URL gives instead of a context is named") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  ContentServer files;
  files.content = "\n<!DOCTYPE html>\n<html><body>Log in</body></html>\n";
  const Finished page = piped(workshop, "true", files.url("/Dockerfile"));
  CHECK(page.status == 1);
  CHECK(contains(page.err, "\"" + files.url("/Dockerfile") +
                               "\" is an HTML page, not an archive or a Dockerfile"));
  files.content = std::string("PK\3\4\0\0", 6);
  const Finished zip = piped(workshop, "true", files.url("/x.zip"));
  CHECK(contains(zip.err, "neither a tar archive nor a Dockerfile"));
  HttpServer none([](const Request&) -> Reply { return {.status = 404}; });
  const Finished missing = piped(workshop, "true", "http://" + none.address() + "/x.tar");
  CHECK(missing.status == 1);
  CHECK(contains(missing.err,
                 "\"http://" + none.address() + "/x.tar\": the server answers with status 404"));
}

TEST_CASE("a build that is killed in a download leaves nothing to the next one") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  std::atomic<bool> began = false;
  HttpServer endless([&](const Request&) -> Reply {
    return {.stream = [&](const auto& send) {
      const std::string block(1 << 16, 'x');
      while (send(block)) {
        began = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }};
  });
  Program program = workshop.start({"build", "http://" + endless.address() + "/x"});
  for (int tries = 0; !began && tries < 500; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  program.kill(SIGKILL);
  program.wait();
  workshop.write("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
  CHECK(workshop.build().status == 0);
  for (const auto& left : fs::directory_iterator(workshop.root() / "work"))
    FAIL("there is " << left.path());
  const Finished checked = workshop.slipway({"fsck"});
  INFO(checked.out << checked.err);
  CHECK(checked.status == 0);
}

TEST_CASE("of several builds of one URL at a time one downloads it") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop({});
  HttpServer slow([](const Request& request) -> Reply {
    if (request.headers.contains("if-none-match"))
      return {.status = 304, .headers = {{"ETag", "\"x\""}}};
    return {.headers = {{"ETag", "\"x\""}}, .stream = [](const auto& send) {
              for (int i = 0; i < 10; ++i) {
                send("piece ");
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
              }
            }};
  });
  workshop.write("Dockerfile", "FROM scratch\nADD http://" + slow.address() + "/x /\n");
  std::vector<Workshop::Running> builds;
  for (int i = 0; i < 3; ++i) builds.push_back(workshop.start_build());
  std::string image;
  for (Workshop::Running& each : builds) {
    const Built built = each.finish();
    INFO(built.log);
    REQUIRE(built.status == 0);
    if (image.empty()) image = built.image;
    CHECK(built.image == image);
  }
  int downloads = 0;
  for (const Request& request : slow.requests()) downloads += request.method == "GET" ? 1 : 0;
  CHECK(downloads == 1);
}

TEST_CASE("a named context is whatever its value says") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  const fs::path beside = workshop.folder() / "beside";
  fs::create_directory(beside);
  std::ofstream(beside / "file") << "beside";
  std::ofstream(beside / "left-out") << "x";
  const auto result = [&](const std::string& value) {
    return workshop.files_of(workshop.context(), {"--build-context", "src=" + value});
  };
  workshop.write("Dockerfile",
                 "FROM scratch AS other\nCOPY <<file /\nother\nfile\n"
                 "FROM scratch\nCOPY --from=src . /\n");
  SUBCASE("a directory, with its own .dockerignore") {
    std::ofstream(beside / ".dockerignore") << "left-out\n";
    const fs::path files = result(beside);
    CHECK(read(files / "file") == "beside");
    CHECK_FALSE(fs::exists(files / "left-out"));
  }
  SUBCASE("a tar by HTTP") {
    ContentServer server;
    output_of({"tar", "-C", beside, "-czf", workshop.folder() / "b.tgz", "."});
    server.content = read(workshop.folder() / "b.tgz");
    CHECK(read(result(server.url("/b")) / "file") == "beside");
  }
  SUBCASE("any other file by HTTP, which is called context then") {
    ContentServer server;
    server.content = "just text";
    CHECK(read(result(server.url("/some.txt")) / "context") == "just text");
  }
  SUBCASE("a stage") {
    CHECK(read(result("target:other") / "file") == "other\n");
  }
  SUBCASE("an image of the store") {
    CHECK(fs::exists(result("docker-image://busybox") / "bin/busybox"));
  }
  SUBCASE("an OCI layout, by tag, by digest, by both, or its only image") {
    const fs::path archive = workshop.folder() / "busybox.tar";
    REQUIRE(workshop.slipway({"save", "-o", archive, "busybox"}).status == 0);
    const fs::path layout = workshop.folder() / "layout";
    output_of({"skopeo", "copy", "--quiet", "--insecure-policy",
               "docker-archive:" + archive.string(), "oci:" + layout.string() + ":one"});
    const std::string digest =
        "sha256:" + output_of({"sh", "-c",
                               "grep -o 'sha256:[0-9a-f]*' " + (layout / "index.json").string() +
                                   " | head -n 1 | cut -d: -f2 | tr -d '\\n'"});
    for (const std::string& which :
         {std::string(), std::string(":one"), "@" + digest, ":one@" + digest}) {
      CAPTURE(which);
      CHECK(fs::exists(result("oci-layout://" + layout.string() + which) / "bin/busybox"));
    }
    const Built missing =
        workshop.build({"--build-context", "src=oci-layout://" + layout.string() + ":two"});
    CHECK(missing.status == 1);
    CHECK(contains(missing.log, "has no image \"two\""));
    CHECK(contains(missing.log, "one"));

    // A digest names a blob, listed or not.
    std::ofstream(layout / "index.json") << R"({"schemaVersion":2,"manifests":[]})";
    CHECK(fs::exists(result("oci-layout://" + layout.string() + "@" + digest) / "bin/busybox"));
  }
}

TEST_CASE("a named context takes the place of an image, of a stage, and of a mount's source") {
  SKIP_UNLESS_ROOT();
  const Workshop workshop;
  const fs::path beside = workshop.folder() / "beside";
  fs::create_directory(beside);
  std::ofstream(beside / "file") << "beside";
  SUBCASE("an image") {
    workshop.write("Dockerfile", "FROM example.com/nowhere:1\nRUN echo made > /made\n");
    const fs::path files = workshop.files_of(
        workshop.context(), {"--build-context", "example.com/nowhere:1=docker-image://busybox"});
    CHECK(read(files / "made") == "made\n");
  }
  SUBCASE("an image, under its long name") {
    workshop.write("Dockerfile", "FROM short AS base\n");
    const fs::path files =
        workshop.files_of(workshop.context(), {"--build-context",
                                               "docker.io/library/short:latest=docker-image://"
                                               "busybox"});
    CHECK(fs::exists(files / "bin/busybox"));
  }
  SUBCASE("an image, by nothing") {
    workshop.write("Dockerfile", "FROM short\nCOPY Dockerfile /only\n");
    const fs::path files =
        workshop.files_of(workshop.context(), {"--build-context", "short=docker-image://scratch"});
    CHECK(fs::exists(files / "only"));
    CHECK_FALSE(fs::exists(files / "bin"));
  }
  SUBCASE("a stage, which then is not built") {
    workshop.write("Dockerfile",
                   "FROM busybox AS tools\nRUN false\nFROM scratch\nCOPY --from=tools file /\n");
    const fs::path files =
        workshop.files_of(workshop.context(), {"--build-context", "tools=" + beside.string()});
    CHECK(read(files / "file") == "beside");
  }
  SUBCASE("what a mount binds, also from a tar by HTTP") {
    ContentServer server;
    output_of({"tar", "-C", beside, "-cf", workshop.folder() / "b.tar", "."});
    server.content = read(workshop.folder() / "b.tar");
    workshop.write("Dockerfile",
                   "FROM busybox\nRUN --mount=from=src,target=/src cp /src/file /copied\n");
    for (const std::string& value : {beside.string(), server.url("/b")}) {
      CAPTURE(value);
      const fs::path files =
          workshop.files_of(workshop.context(), {"--build-context", "src=" + value});
      CHECK(read(files / "copied") == "beside");
    }
  }
}
