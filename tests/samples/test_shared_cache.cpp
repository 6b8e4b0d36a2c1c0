// Two machines that share a cache: what one has built the other does not build again, over every
// transport, with the server programs that people run.
#include "../cache/registry/docker_registry.hpp"
#include "../cache/shared/server_process.hpp"
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

using namespace slipway;

namespace {

namespace fs = std::filesystem;
using Instructions = std::vector<std::string>;

// What the steps make differs from run to run: equal images come from the same runs.
void write_project(const Workshop& workshop) {
  workshop.write("Dockerfile",
                 "FROM busybox AS build\n"
                 "WORKDIR /src\n"
                 "COPY lib/ lib/\n"
                 "RUN cat lib/* /proc/sys/kernel/random/uuid > lib.out\n"
                 "COPY app/ app/\n"
                 "RUN --mount=type=cache,target=/cache cat lib.out app/* > app.out\n"
                 "FROM busybox\n"
                 "COPY --link --from=build /src/app.out /\n"
                 "RUN head -c 3000000 /dev/urandom > /large\n");
  workshop.write("lib/one.txt", "one\n");
  workshop.write("app/main.txt", "main\n");
}

Built succeed(Built built) {
  INFO(built.log);
  REQUIRE(built.status == 0);
  return built;
}

std::size_t layers_in(const Workshop& workshop) {
  const fs::directory_iterator entries(workshop.root() / "layers");
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

// `to` and `from` are one cache, as the flags name it to who writes and who reads.
void check_two_machines(const std::string& to, const std::string& from) {
  const Workshop one;
  const Workshop other;
  write_project(one);
  write_project(other);
  const Built first = succeed(one.build({"-t", "app", "--cache-to", to}));
  CHECK(first.misses == 7);

  // Records say that all is there; nobody needs the files.
  const std::size_t own_layers = layers_in(other);
  const Finished only = other.slipway(
      {"build", "--progress=plain", "-o", "type=cacheonly", "--cache-from", from, other.context()});
  INFO(only.err);
  REQUIRE(only.status == 0);
  CHECK(only.err.find("cache: 7 hits (7 shared), 0 misses") != std::string::npos);
  CHECK(layers_in(other) == own_layers);

  const Built second = succeed(other.build({"-t", "app", "--cache-from", from}));
  CHECK(second.ran() == Instructions{});
  CHECK(second.image == first.image);
  CHECK(fingerprint(other.files_of(other.context(), {"--cache-from", from})) ==
        fingerprint(one.files_of(one.context())));

  // The other one goes on, and the first takes that over in turn.
  other.write("app/main.txt", "edited\n");
  const Built edited = succeed(other.build({"--cache-from", from, "--cache-to", to}));
  CHECK(edited.ran() ==
        Instructions{"COPY app/ app/",
                     "RUN --mount=type=cache,target=/cache cat lib.out app/* > app.out",
                     "COPY --link --from=build /src/app.out /",
                     "RUN head -c 3000000 /dev/urandom > /large"});
  one.write("app/main.txt", "edited\n");
  const Built back = succeed(one.build({"--cache-from", from}));
  CHECK(back.ran() == Instructions{});
  CHECK(back.image == edited.image);
  for (const Workshop* machine : {&one, &other}) {
    const Finished fsck = machine->slipway({"fsck"});
    CHECK_MESSAGE(fsck.status == 0, fsck.out);
  }
}

bool is_here(const char* program) {
  if (run({"sh", "-c", std::string("command -v ") + program}).status == 0) return true;
  MESSAGE("skipped: " << program << " is not installed");
  return false;
}

}  // namespace

TEST_CASE("two machines share a directory") {
  SKIP_UNLESS_ROOT();
  const slipway::TemporaryFolder folder;
  const std::string directory = (folder.path / "cache").string();
  check_two_machines("type=local,dest=" + directory, "type=local,src=" + directory);
}

TEST_CASE("two machines share a repository of docker-registry") {
  SKIP_UNLESS_ROOT();
  if (!is_here("docker-registry")) return;
  const DockerRegistry registry;
  const std::string spec = "type=registry,ref=" + registry.address() + "/team/cache";
  check_two_machines(spec, spec);
}

TEST_CASE("two machines share a folder of nginx") {
  SKIP_UNLESS_ROOT();
  if (!is_here("nginx")) return;
  const Nginx nginx;
  check_two_machines("type=http,url=" + nginx.url(), "type=http,url=" + nginx.url());
}

TEST_CASE("two machines share a bucket, whose server checks every signature") {
  SKIP_UNLESS_ROOT();
  if (!has_s3_server()) return;
  const S3Server server;
  std::string spec = "type=s3";
  for (const auto& [name, value] : server.spec().attributes) spec += "," + name + "=" + value;
  check_two_machines(spec, spec);
}
