// Images on their way to the registry program that Debian has and back; skopeo looks at what came
// there, and puts there what slipway then takes.
#include "../cache/registry/docker_registry.hpp"
#include "at_terminal.hpp"
#include "workshop.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace slipway;

namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Finished succeed(Finished finished) {
  INFO(finished.err);
  REQUIRE(finished.status == 0);
  return finished;
}

std::string random_bytes(std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

// Two layers, of which one does not compress.
void write_project(const Workshop& workshop, std::size_t size, unsigned seed = 1) {
  workshop.write("Dockerfile", "FROM scratch\nCOPY text /\nCOPY large /\nENV A=b\n");
  workshop.write("text", std::string(100'000, 'x'));
  workshop.write("large", random_bytes(size, seed));
}

std::string raw_manifest(const std::string& name) {
  return output_of({"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + name});
}

std::string digest_of(const std::string& name) {
  std::string digest = output_of(
      {"skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://" + name});
  digest.resize(digest.find('\n'));
  return digest;
}

// The ID that a pull into an empty store gives.
std::string pulled_id(const std::string& name, const std::vector<std::string>& flags = {}) {
  const Workshop fresh({});
  std::vector<std::string> words{"pull", "-q"};
  words.insert(words.end(), flags.begin(), flags.end());
  words.push_back(name);
  succeed(fresh.slipway(words));
  succeed(fresh.slipway({"fsck", "-n"}));
  return fresh.slipway({"images", "-q", "--no-trunc"}).out;
}

// Whether lines were drawn a second time where they were; how many there were by then is chance.
bool drawn_over(const std::string& shown) {
  return contains(shown, "\x1b[1A") || contains(shown, "\x1b[2A");
}

}  // namespace

TEST_CASE("what was pulled goes out as it came, whatever it was pushed by and however compressed") {
  if (!has_programs({"docker-registry", "skopeo"})) return;
  const DockerRegistry registry;
  const Workshop maker({});
  write_project(maker, 200'000);
  std::string compression = "gzip";
  std::vector<std::string> flags{"--preserve-digests"};
  SUBCASE("OCI, gzip") {}
  SUBCASE("OCI, zstd") {
    compression = "zstd";
  }
  SUBCASE("OCI, uncompressed") {
    compression = "uncompressed";
  }
  SUBCASE("docker's schema 2") {
    flags = {"--format", "v2s2"};
  }
  CAPTURE(compression);
  const fs::path archive = maker.folder() / "app.tar";
  succeed(maker.slipway({"build", "-q", "-o",
                         "type=oci,compression=" + compression + ",dest=" + archive.string(),
                         maker.context()}));
  std::vector<std::string> copy{"skopeo", "copy", "-q", "--insecure-policy",
                                "--dest-tls-verify=false"};
  copy.insert(copy.end(), flags.begin(), flags.end());
  const std::string theirs = registry.address() + "/theirs:1";
  copy.insert(copy.end(), {"oci-archive:" + archive.string(), "docker://" + theirs});
  output_of(copy);

  const Workshop workshop({});
  succeed(workshop.slipway({"pull", theirs}));
  const std::string ours = registry.address() + "/ours/app:2";
  succeed(workshop.slipway({"tag", theirs, ours}));
  const Finished pushed = succeed(workshop.slipway({"push", ours}));
  CHECK(contains(pushed.err, "Mounted from theirs\n"));
  CHECK_FALSE(contains(pushed.err, ": Pushed"));
  CHECK(raw_manifest(ours) == raw_manifest(theirs));
  CHECK(pushed.out == "2: digest: " + digest_of(theirs) +
                          " size: " + std::to_string(raw_manifest(theirs).size()) + "\n");

  // Also into a registry that has none of it.
  const DockerRegistry other;
  const std::string far = other.address() + "/app:1";
  succeed(workshop.slipway({"tag", theirs, far}));
  CHECK(contains(succeed(workshop.slipway({"push", far})).err, ": Pushed"));
  CHECK(raw_manifest(far) == raw_manifest(theirs));
  CHECK(pulled_id(far) == workshop.slipway({"images", "-q", "--no-trunc", theirs}).out);
}

TEST_CASE("a built image is pushed once, and is the same everywhere") {
  if (!has_programs({"docker-registry", "skopeo"})) return;
  const DockerRegistry registry;
  const Workshop workshop({});
  write_project(workshop, 200'000);
  const std::string name = registry.address() + "/team/app:1";
  const Built built = workshop.build({"-t", name});
  REQUIRE(built.status == 0);

  const Finished first = succeed(workshop.slipway({"push", name}));
  CHECK(first.err.starts_with("The push refers to repository [" + registry.address() +
                              "/team/app]\n"));
  CHECK(contains(first.err, ": Pushed\n"));
  CHECK(contains(first.out, "1: digest: " + digest_of(name) + " size: "));
  const auto manifest = nlohmann::json::parse(raw_manifest(name));
  CHECK(manifest.at("config").at("digest") == built.image);
  CHECK(pulled_id(name) == built.image + "\n");
  // skopeo reads every blob of it.
  output_of({"skopeo", "copy", "-q", "--insecure-policy", "--src-tls-verify=false",
             "docker://" + name, "oci:" + (workshop.folder() / "copied").string() + ":1"});

  const Finished second = succeed(workshop.slipway({"push", name}));
  CHECK(contains(second.err, ": Layer already exists\n"));
  CHECK_FALSE(contains(second.err, ": Pushed"));
  CHECK(second.out == first.out);

  const std::string other = registry.address() + "/other:1";
  succeed(workshop.slipway({"tag", name, other}));
  const Finished mounted = succeed(workshop.slipway({"push", other}));
  CHECK(contains(mounted.err, ": Mounted from team/app\n"));
  CHECK_FALSE(contains(mounted.err, ": Pushed"));
  CHECK(pulled_id(other) == built.image + "\n");

  const std::string digest = digest_of(name);
  CHECK(contains(workshop.slipway({"inspect", name}).out, "team/app@" + digest));
  CHECK(succeed(workshop.slipway({"push", "-q", name})).out == name + "\n");
}

TEST_CASE("a base image's layers keep the registry's own blobs") {
  if (!has_programs({"docker-registry", "skopeo"})) return;
  const DockerRegistry registry;
  const Workshop maker({});
  write_project(maker, 200'000);
  const fs::path archive = maker.folder() / "app.tar";
  succeed(maker.slipway(
      {"build", "-q", "-o", "type=docker,dest=" + archive.string(), maker.context()}));
  const std::string base = registry.address() + "/base:1";
  output_of({"skopeo", "copy", "-q", "--insecure-policy", "--dest-tls-verify=false",
             "docker-archive:" + archive.string(), "docker://" + base});

  const Workshop workshop({});
  workshop.write("Dockerfile", "FROM " + base + "\nCOPY more /\n");
  workshop.write("more", "more");
  const std::string name = registry.address() + "/app:1";
  REQUIRE(workshop.build({"-t", name}).status == 0);
  const Finished pushed = succeed(workshop.slipway({"push", name}));
  CHECK(contains(pushed.err, ": Mounted from base\n"));
  const auto below = nlohmann::json::parse(raw_manifest(base)).at("layers");
  const auto all = nlohmann::json::parse(raw_manifest(name)).at("layers");
  REQUIRE(all.size() == 3);
  for (std::size_t i = 0; i < below.size(); ++i)
    CHECK(all[i].at("digest") == below[i].at("digest"));
}

TEST_CASE("an image of several platforms is pushed as an index, or one of them alone") {
  if (!has_programs({"docker-registry", "skopeo"})) return;
  const DockerRegistry registry;
  const Workshop workshop({});
  write_project(workshop, 50'000);
  const std::string name = registry.address() + "/app:1";
  succeed(workshop.slipway(
      {"build", "-q", "--platform", "linux/amd64,linux/arm64", "-t", name, workshop.context()}));
  const Finished pushed = succeed(workshop.slipway({"push", name}));
  const auto index = nlohmann::json::parse(raw_manifest(name));
  REQUIRE(index.at("manifests").size() == 2);
  CHECK(contains(pushed.out, "1: digest: sha256:"));
  const std::string arm = pulled_id(name, {"--platform", "linux/arm64"});
  CHECK(arm != pulled_id(name, {"--platform", "linux/amd64"}));

  const std::string alone = registry.address() + "/alone:1";
  succeed(workshop.slipway({"tag", name, alone}));
  succeed(workshop.slipway({"push", "--platform", "linux/arm64", alone}));
  CHECK(nlohmann::json::parse(raw_manifest(alone)).at("config").at("digest").get<std::string>() +
            "\n" ==
        arm);
}

TEST_CASE("--all-tags puts and gets all that a name has") {
  if (!has_programs({"docker-registry", "skopeo"})) return;
  const DockerRegistry registry;
  const Workshop workshop({});
  const std::string repository = registry.address() + "/app";
  for (const char* tag : {"1", "2", "latest"}) {
    write_project(workshop, 1000, static_cast<unsigned>(*tag));
    REQUIRE(workshop.build({"-t", repository + ":" + tag}).status == 0);
  }
  REQUIRE(workshop.build({"-t", registry.address() + "/other:1"}).status == 0);
  const Finished pushed = succeed(workshop.slipway({"push", "--all-tags", repository}));
  for (const char* tag : {"1", "2", "latest"})
    CHECK(contains(pushed.out, std::string(tag) + ": digest: " + digest_of(repository + ":" + tag) +
                                   " size: "));
  const Workshop fresh({});
  const Finished pulled = succeed(fresh.slipway({"pull", "-a", repository}));
  CHECK(pulled.out == repository + "\n");
  CHECK(contains(pulled.err, "2: Pulling from app\n"));
  CHECK(contains(pulled.err, "Status: Downloaded newer image for " + repository + "\n"));
  for (const char* tag : {"1", "2", "latest"})
    CHECK(fresh.slipway({"images", "-q", "--no-trunc", repository + ":" + tag}).out ==
          workshop.slipway({"images", "-q", "--no-trunc", repository + ":" + tag}).out);
  CHECK(contains(succeed(fresh.slipway({"pull", "-a", repository})).err,
                 "Status: Image is up to date for " + repository + "\n"));
  CHECK(fresh.slipway({"pull", "-a", repository + ":1"}).status != 0);
  CHECK(workshop.slipway({"push", "-a", repository + ":1"}).status != 0);
}

TEST_CASE("a push that is killed anywhere is ended by the next one") {
  if (!has_programs({"docker-registry", "skopeo"})) return;
  const DockerRegistry registry;
  const Workshop workshop({});
  // Larger than the pieces that it goes in.
  write_project(workshop, 40'000'000);
  const std::string name = registry.address() + "/app:1";
  const Built built = workshop.build({"-t", name});
  REQUIRE(built.status == 0);
  const auto began = std::chrono::steady_clock::now();
  {
    const DockerRegistry other;
    const std::string far = other.address() + "/app:1";
    succeed(workshop.slipway({"tag", name, far}));
    succeed(workshop.slipway({"push", "-q", far}));
  }
  const auto whole = std::chrono::steady_clock::now() - began;
  std::mt19937 random(5);
  for (int round = 0; round < 6; ++round) {
    Program push = workshop.start({"push", name});
    std::this_thread::sleep_for(whole * (random() % 100) / 100);
    push.kill(SIGKILL);
    (void)push.wait();
  }
  succeed(workshop.slipway({"push", name}));
  CHECK(pulled_id(name) == built.image + "\n");
  succeed(workshop.slipway({"fsck", "-n"}));
}

TEST_CASE("a pull that is killed anywhere is ended by the next one") {
  if (!has_programs({"docker-registry", "skopeo"})) return;
  const DockerRegistry registry;
  const Workshop maker({});
  write_project(maker, 40'000'000);
  const std::string name = registry.address() + "/app:1";
  const Built built = maker.build({"-t", name});
  REQUIRE(built.status == 0);
  succeed(maker.slipway({"push", "-q", name}));
  const auto began = std::chrono::steady_clock::now();
  CHECK(pulled_id(name) == built.image + "\n");
  const auto whole = std::chrono::steady_clock::now() - began;
  const Workshop workshop({});
  std::mt19937 random(6);
  for (int round = 0; round < 8; ++round) {
    Program pull = workshop.start({"pull", name});
    std::this_thread::sleep_for(whole * (random() % 100) / 100);
    pull.kill(SIGKILL);
    (void)pull.wait();
  }
  succeed(workshop.slipway({"pull", name}));
  succeed(workshop.slipway({"fsck", "-n"}));
  CHECK(workshop.slipway({"images", "-q", "--no-trunc"}).out == built.image + "\n");
  CHECK((!fs::exists(workshop.root() / "partial") || fs::is_empty(workshop.root() / "partial")));
}

TEST_CASE("on a terminal layers are drawn in place, elsewhere they are lines") {
  if (!has_programs({"docker-registry", "skopeo"})) return;
  const DockerRegistry registry;
  const Workshop maker({});
  write_project(maker, 4'000'000);
  const std::string name = registry.address() + "/app:1";
  REQUIRE(maker.build({"-t", name}).status == 0);
  AtTerminal pushing({SLIPWAY_PROGRAM, "--root", maker.root().string(), "push", name});
  CHECK(pushing.wait() == 0);
  CHECK(contains(pushing.all(), ": Pushed"));
  CHECK(drawn_over(pushing.all()));
  CHECK(contains(pushing.all(), "1: digest: " + digest_of(name)));

  const Workshop workshop({});
  AtTerminal pulling({SLIPWAY_PROGRAM, "--root", workshop.root().string(), "pull", name});
  CHECK(pulling.wait() == 0);
  const std::string& shown = pulling.all();
  CHECK(contains(shown, ": Pull complete"));
  CHECK(drawn_over(shown));
  CHECK(shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l"));  // there is a cursor again
  CHECK(contains(shown, "Digest: " + digest_of(name)));

  const Finished lines = succeed(workshop.slipway({"pull", name}));
  CHECK_FALSE(contains(lines.err, "\x1b"));
  CHECK(contains(lines.err, ": Already exists\n"));
  const Finished quiet = succeed(workshop.slipway({"pull", "-q", name}));
  CHECK(quiet.err == "");
  CHECK(quiet.out == name + "\n");
}

TEST_CASE("what cannot be pushed is said with its name, and nothing is sent") {
  if (!has_programs({"docker-registry", "skopeo"})) return;
  const Workshop workshop({});
  const auto message = [&](const std::vector<std::string>& words) {
    const Finished finished = workshop.slipway(words);
    CHECK(finished.status != 0);
    CHECK(finished.out == "");
    return finished.err;
  };
  CHECK(contains(message({"push", "127.0.0.1:1/app:1"}),
                 "an image does not exist locally with the tag: 127.0.0.1:1/app:1"));
  CHECK(contains(message({"push", "127.0.0.1:1/app@sha256:" + std::string(64, 'a')}),
                 "a digest cannot be pushed to"));
  write_project(workshop, 1000);
  REQUIRE(workshop.build({"-t", "127.0.0.1:1/app:1"}).status == 0);
  CHECK(contains(message({"push", "127.0.0.1:1/app:1"}), "does not answer"));
}
