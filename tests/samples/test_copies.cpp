// COPY, ADD and their files through the program: what makes them run again and what they say of it,
// --link, and the mistakes people make around contexts.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

using namespace slipway;

namespace {

namespace fs = std::filesystem;
using Instructions = std::vector<std::string>;

Built succeed(Built built) {
  INFO(built.log);
  REQUIRE(built.status == 0);
  return built;
}

std::string reason(const Built& built, const std::string& instruction) {
  for (const Step& step : built.steps) {
    if (step.name.ends_with("] " + instruction)) return step.reason;
  }
  return "there is no such step";
}

void touch(const fs::path& file) {
  fs::last_write_time(file, fs::last_write_time(file) + std::chrono::hours(1));
}

std::vector<std::string> layers_of(const Workshop& workshop, const std::string& image) {
  const Finished shown = workshop.slipway({"inspect", image});
  INFO(shown.err);
  REQUIRE(shown.status == 0);
  return nlohmann::json::parse(shown.out).at(0).at("RootFS").at("Layers");
}

// The error of a build that has to fail, without the progress in front of it.
std::string error_of(const Workshop& workshop, const std::string& dockerfile,
                     const std::vector<std::string>& flags = {}) {
  workshop.write("Dockerfile", dockerfile);
  const Built built = workshop.build(flags);
  CHECK(built.status == 1);
  return built.log.substr(std::min(built.log.find("Dockerfile:"), built.log.size()));
}

bool has(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CAPTURE(part);
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
  return found;
}

}  // namespace

TEST_CASE("for COPY and bind mounts alike: a touch is no change, mode, content and link are") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\n"
                 "RUN --mount=type=bind,source=src,target=/src cat /src/* > /mounted\n"
                 "COPY src /copied/\n");
  workshop.write("src/a", "a");
  workshop.write("src/b", "b");
  fs::create_symlink("a", workshop.context() / "src/link");
  const std::string run = "RUN --mount=type=bind,source=src,target=/src cat /src/* > /mounted";
  const std::string copy = "COPY src /copied/";
  succeed(workshop.build());

  touch(workshop.context() / "src/a");
  CHECK(succeed(workshop.build()).ran() == Instructions{});

  const auto both = [&](const std::string& why) {
    const Built built = succeed(workshop.build());
    CHECK(reason(built, run) == why + " (mount /src)");
    CHECK(reason(built, copy) == why);
  };
  fs::permissions(workshop.context() / "src/b", fs::perms(0600));
  both("src/b: mode (0644 -> 0600)");
  workshop.write("src/a", "A");
  both("src/a: content");
  fs::remove(workshop.context() / "src/link");
  fs::create_symlink("b", workshop.context() / "src/link");
  both("src/link: link (a -> b)");
}

TEST_CASE("with --chown and --chmod the source's own owner and mode do not count") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox AS build\n"
                 "ARG OWNER\n"
                 "RUN echo text > /file; chown $OWNER /file; chmod ${OWNER}00 /file\n"
                 "FROM scratch\n"
                 "COPY --from=build --chown=5:6 --chmod=640 /file /plain\n"
                 "COPY --from=build /file /whole\n"
                 "COPY --chmod=u=rw,go=r own /own\n");
  workshop.write("own", "own");
  succeed(workshop.build({"--build-arg", "OWNER=6"}));
  fs::permissions(workshop.context() / "own", fs::perms(0600));
  const Built second = succeed(workshop.build({"--build-arg", "OWNER=4"}));
  const std::string plain = "COPY --from=build --chown=5:6 --chmod=640 /file /plain";
  const Instructions ran = second.ran();
  CHECK(std::find(ran.begin(), ran.end(), plain) == ran.end());
  CHECK(reason(second, "COPY --from=build /file /whole") == "file: mode, owner");
}

TEST_CASE("the report names at most ten files, the metadata file has more") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM scratch\nCOPY . /app/\n");
  for (int i = 0; i < 47; ++i) workshop.write("d/" + std::to_string(100 + i), "old");
  succeed(workshop.build());
  for (int i = 0; i < 47; ++i) workshop.write("d/" + std::to_string(100 + i), "new");
  for (int i = 0; i < 1000; ++i) workshop.write("new/" + std::to_string(i), "x");
  const fs::path metadata = workshop.folder() / "metadata";
  const Finished built =
      workshop.slipway({"build", "--metadata-file", metadata, workshop.context()});
  REQUIRE(built.status == 0);
  const auto steps = nlohmann::json::parse(read(metadata)).at("slipway.cache").at("steps");
  const auto step = std::find_if(steps.begin(), steps.end(),
                                 [](const auto& one) { return one.at("outcome") == "miss"; });
  REQUIRE(step != steps.end());
  const std::string told = step->at("reason");
  CHECK(has(built.err, told));
  CHECK(told.starts_with("d/100: content; d/101: content; "));
  CHECK(told.ends_with("; and 38 more"));
  CHECK(count(told, ";") == 10);
  const auto& changes = step->at("changes");
  CHECK(changes.at("count") == 48);
  REQUIRE(changes.at("first").size() == 48);
  const auto last = changes.at("first").back();
  CHECK(last.at("path") == "new");
  CHECK(last.at("change") == nlohmann::json{"new"});
  CHECK(last.at("directory") == true);
  CHECK(last.at("files") == 1000);
}

TEST_CASE("COPY --link is a layer of its own that outlives another base image") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile",
                 "FROM busybox\nARG N\nRUN echo $N > /base; mkdir /real; ln -s /real /link\n");
  succeed(workshop.build({"-t", "base:1", "--build-arg", "N=1"}));
  succeed(workshop.build({"-t", "base:2", "--build-arg", "N=2"}));

  workshop.write("Dockerfile",
                 "ARG N\nFROM busybox AS build\nRUN echo made > /made\n"
                 "FROM base:$N\n"
                 "WORKDIR /work\n"
                 "COPY --link src dir/\n"
                 "COPY --link --from=build --chown=7:8 /made /link/\n"
                 "ADD --link src.txt /added\n"
                 "RUN cat /base /work/dir/a /link/made /added > /merged\n");
  workshop.write("src/a", "a\n");
  workshop.write("src.txt", "added\n");
  succeed(workshop.build({"-t", "app:1", "--build-arg", "N=1"}));
  const Built second = succeed(workshop.build({"-t", "app:2", "--build-arg", "N=2"}));
  const Instructions ran = second.ran();
  CHECK(ran ==
        Instructions{"WORKDIR /work", "RUN cat /base /work/dir/a /link/made /added > /merged"});
  const auto one = layers_of(workshop, "app:1");
  const auto two = layers_of(workshop, "app:2");
  REQUIRE(one.size() == two.size());
  REQUIRE(one.size() > 5);
  // The three in front of RUN's are the same blobs, on other bases.
  for (std::size_t back = 2; back <= 4; ++back)
    CHECK(one[one.size() - back] == two[two.size() - back]);
  CHECK(one.back() != two.back());

  const fs::path files = workshop.files_of(workshop.context(), {"--build-arg", "N=2"});
  CHECK(read(files / "merged") == "2\na\nmade\nadded\n");
  // The destination's own links are not followed: the layer has a directory there.
  CHECK(fs::is_directory(fs::symlink_status(files / "link")));
  CHECK(fs::is_empty(files / "real"));
  struct stat status {};
  REQUIRE(::lstat((files / "link/made").c_str(), &status) == 0);
  if (::geteuid() == 0) {  // else the test could not give the files their owners
    CHECK(status.st_uid == 7);
    CHECK(status.st_gid == 8);
  }
}

TEST_CASE("--link knows nothing of what lies below: names, modes, files in the way") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("f", "f");
  workshop.write("Dockerfile", "FROM busybox\nCOPY --link f /tmp/x/\n");
  const fs::path files = workshop.files_of(workshop.context());
  // As BuildKit: the parents that the layer makes have their own mode, /tmp's 1777 is gone.
  struct stat status {};
  REQUIRE(::lstat((files / "tmp").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0755);

  CHECK(has(error_of(workshop, "FROM busybox\nCOPY --link --chown=app f /x\n"),
            "there is no /etc/passwd to look up \"app\" in"));
  workshop.write("Dockerfile", "FROM busybox\nRUN echo in the way > /x\nCOPY --link f /x/f\n");
  CHECK(read(workshop.files_of(workshop.context()) / "x/f") == "f");
}

TEST_CASE("wrong sources are told at their word, with what was meant") {
  SKIP_UNLESS_ROOT();
  Workshop workshop({});
  workshop.write("src/main.c", "main");
  workshop.write("README.md", "readme");
  workshop.write("secret/key", "key");
  workshop.write(".dockerignore", "secret\n");
  fs::create_symlink("nowhere", workshop.context() / "dangling");
  fs::create_symlink("/etc/no-such-file", workshop.context() / "out");
  fs::create_symlink("loop", workshop.context() / "loop");
  const auto copy = [&](const std::string& source) {
    const std::string told = error_of(workshop, "FROM scratch\nCOPY " + source + " /x/\n");
    CHECK(has(told, "Dockerfile:2:6: error:"));
    CHECK(has(told, "|      ^"));
    return told;
  };
  CHECK(has(copy("srcc"), "hint: did you mean \"src\"?"));
  CHECK(has(copy("SRC/Main.c"), "hint: did you mean \"src/main.c\"?"));
  CHECK(has(copy("readme.md"), "hint: did you mean \"README.md\"?"));
  CHECK(has(copy("README.md/x"), "\"README.md\" is no directory"));
  CHECK(has(copy("../sibling"), "\"..\" does not lead out of the build context"));
  CHECK(has(copy("/proc/version"), "\"/proc/version\" of this machine is outside"));
  CHECK(has(copy((fs::canonical(workshop.context()) / "src/main.c").string()),
            "paths begin at the build context: did you mean \"src/main.c\"?"));
  CHECK(has(copy("secret/key"), ".dockerignore:1: \"secret\""));
  CHECK(has(copy("dangling"), "is a link to \"nowhere\", which is not there"));
  CHECK(has(copy("out"), "links do not lead out of the build context"));
  CHECK(has(copy("loop"), "too many links"));
  CHECK(has(copy("src["), "malformed"));
}

TEST_CASE("wrong destinations and damaged archives are told at the word of their source") {
  SKIP_UNLESS_ROOT();
  Workshop workshop({});
  workshop.write("src/main.c", "main");
  workshop.write("file", "file");
  CHECK(has(error_of(workshop, "FROM scratch\nCOPY file /a\nCOPY src /a\n"),
            "Dockerfile:3:6: error: the directory \"src\""));
  CHECK(has(error_of(workshop, "FROM scratch\nCOPY src /a/\nCOPY file /a/main.c/\n"),
            "Dockerfile:3:6: error: \"/a/main.c\" is in the way"));
  // The front of a tar: its name says nothing, its content what it was meant as.
  run({"sh", "-c", "cd \"$0\" && tar cf whole src && head -c 700 whole > cut && rm whole",
       workshop.context()});
  CHECK(has(error_of(workshop, "FROM scratch\nADD cut /a/\n"),
            "Dockerfile:2:5: error: cannot unpack \"cut\""));
}

TEST_CASE("a store that lies in the context is not copied, and changes nothing") {
  SKIP_UNLESS_ROOT();
  Workshop workshop({});
  workshop.write("Dockerfile", "FROM scratch\nCOPY . /app/\n");
  workshop.write("file", "text");
  const fs::path store = workshop.context() / "sub/store";
  fs::create_directory(store.parent_path());
  const auto build = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"--root", store, "build", "--progress=plain"};
    words.insert(words.end(), more.begin(), more.end());
    words.push_back(workshop.context());
    return workshop.slipway(words);
  };
  const Finished first = build({});
  INFO(first.err);
  REQUIRE(first.status == 0);
  const Finished second = build({});
  CHECK(has(second.err, "cache: 1 hit, 0 misses"));
  const fs::path out = workshop.folder() / "out";
  REQUIRE(build({"-o", out}).status == 0);
  CHECK(read(out / "app/file") == "text");
  CHECK(fs::is_empty(out / "app/sub"));
}

TEST_CASE("a full disk ends the build with what to do, and leaves a store that works") {
  ROOT_ALONE("mounts a small tmpfs");
  Workshop workshop({});
  workshop.write("Dockerfile", "FROM scratch\nCOPY . /app/\n");
  workshop.write("big", std::string(std::size_t{8} << 20, 'x'));
  const fs::path small = workshop.folder() / "small";
  fs::create_directory(small);
  REQUIRE(::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=4m") == 0);
  const auto build = [&] {
    return workshop.slipway({"--root", small / "store", "build", workshop.context()});
  };
  const Finished full = build();
  CHECK(full.status == 1);
  CHECK(has(full.err, "No space left on device"));
  CHECK(has(full.err, "hint: free space"));
  workshop.write("big", "small");
  CHECK(build().status == 0);

  REQUIRE(::mount(nullptr, small.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  const Finished read_only = build();
  CHECK(read_only.status == 1);
  CHECK(has(read_only.err, "Read-only file system"));
  CHECK(has(read_only.err, "--root"));
  ::umount2(small.c_str(), MNT_DETACH);
}

TEST_CASE("a long copy shows how far it has got, and an interrupt ends it at once") {
  SKIP_UNLESS_ROOT();
  Workshop workshop({});
  workshop.write("Dockerfile", "FROM scratch\nCOPY hole /\n");
  // Read as zeros for minutes, and nothing on the disk.
  workshop.write("hole", "");
  fs::resize_file(workshop.context() / "hole", std::uintmax_t{1} << 40);
  Workshop::Running running = workshop.start_build();
  std::this_thread::sleep_for(std::chrono::milliseconds(3500));
  REQUIRE(running.program.running());
  running.program.kill(SIGINT);
  const Finished finished = running.program.wait();
  CHECK(finished.status != 0);
  CHECK(has(finished.err, "#2 copying: 0 files, "));
  CHECK(has(finished.err, "B/s)\n"));
  CHECK(has(finished.err, "#2 CANCELED\n"));
  CHECK(has(finished.err, "error: the build was interrupted"));
  // Nothing of it stays behind.
  CHECK(fs::is_empty(workshop.root() / "work"));
  CHECK(fs::is_empty(workshop.root() / "layers"));
}

TEST_CASE("an interrupt ends the hashing of a file, too") {
  SKIP_UNLESS_ROOT();
  Workshop workshop({});
  workshop.write("Dockerfile", "FROM scratch\nCOPY hole /\n");
  workshop.write("hole", "small");
  REQUIRE(workshop.build().status == 0);
  // Nothing else has changed, so a record is likely and the file is hashed before it is copied.
  fs::resize_file(workshop.context() / "hole", std::uintmax_t{1} << 40);
  Workshop::Running running = workshop.start_build();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  REQUIRE(running.program.running());
  running.program.kill(SIGINT);
  const Finished finished = running.program.wait();
  CHECK(finished.status != 0);
  CHECK(has(finished.err, "error: the build was interrupted"));
  CHECK(fs::is_empty(workshop.root() / "work"));
  CHECK(workshop.slipway({"fsck"}).status == 0);
}

TEST_CASE("who waits for another process says so once, and does not burn the processor for it") {
  SKIP_UNLESS_ROOT();
  Workshop workshop;
  workshop.write("Dockerfile", "FROM busybox\nRUN sleep 1; echo x > /x\n");
  Workshop::Running first = workshop.start_build();
  Workshop::Running second = workshop.start_build();
  const Built one = first.finish();
  const Built two = second.finish();
  REQUIRE(one.status == 0);
  REQUIRE(two.status == 0);
  CHECK(one.misses + two.misses == 1);
  CHECK(count(one.log + two.log, "waiting for another slipway process") <= 1);
}
