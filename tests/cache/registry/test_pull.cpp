// Pulling from the real registry program.
#include "docker_registry.hpp"

#include <cache/blobs.hpp>
#include <cache/registry/pull.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <cstdlib>
#include <fstream>
#include <string>

using namespace slipway;

namespace {

// An image of two layers, made by umoci and pushed by skopeo.
void push_sample(const DockerRegistry& registry, const std::string& name,
                 const std::string& flags = "") {
  const TemporaryFolder work;
  REQUIRE(run_command(
      "set -e; cd " + work.path().string() +
      "\numoci init --layout L; umoci new --image L:latest; umoci unpack --image L:latest b"
      "\nmkdir b/rootfs/etc; echo Sample > b/rootfs/etc/issue"
      "\numoci repack --refresh-bundle --image L:latest b"
      "\nmkdir -p b/rootfs/usr/bin; head -c 300000 /dev/urandom > b/rootfs/usr/bin/tool"
      "\numoci repack --refresh-bundle --image L:latest b"
      "\numoci config --image L:latest --config.env A=b --config.cmd tool"
      "\nskopeo copy -q --dest-tls-verify=false " + flags + " oci:L:latest docker://" +
      registry.address() + "/" + name));
}

class Watch : public PullProgress {
 public:
  void layers(const std::vector<BlobDescriptor>& blobs) override { sizes = blobs; }
  void arrived(std::size_t, std::uint64_t bytes) override { most = std::max(most, bytes); }
  void stored(std::size_t, bool present) override { present ? ++reused : ++fetched; }

  std::vector<BlobDescriptor> sizes;
  std::uint64_t most = 0;
  int fetched = 0;
  int reused = 0;
};

std::string message_of(auto&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::size_t files_in(const std::filesystem::path& folder) {
  std::size_t count = 0;
  if (!std::filesystem::exists(folder)) return 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    count += entry.is_regular_file() ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("an image comes out of a registry as it went in, and a second pull fetches nothing") {
  if (!has_programs({"docker-registry", "skopeo", "umoci"})) return;
  const DockerRegistry registry;
  push_sample(registry, "team/sample:1");
  const TemporaryFolder state;
  Store store(state / "store");
  const Reference name = parse_reference(registry.address() + "/team/sample:1");

  Watch first;
  const Image image = pull(store, name, host_platform(), first);
  CHECK(first.fetched == 2);
  CHECK(first.most > 0);
  CHECK(image.config.env == std::vector<std::string>{"A=b"});
  CHECK(image.names == std::vector<Reference>{name});
  const StackView view = store.layers().view(image.layers);
  CHECK(view.find("etc/issue")->content == sha256("Sample\n"));
  CHECK(view.find("usr/bin/tool")->size == 300'000);

  SUBCASE("again, by name") {
    Watch second;
    CHECK(pull(store, name, host_platform(), second).id == image.id);
    CHECK(second.fetched == 0);
    CHECK(second.reused == 2);
  }
  SUBCASE("the blobs are kept, and the layers give their tars again") {
    for (const LayerRef& layer : image.layers) {
      const auto blob = store.layers().blob(layer.diff_id);
      REQUIRE(blob);
      CHECK(store.blobs().has(*blob));
      Hasher hasher;
      store.layers().write_tar(layer.diff_id, [&](auto bytes) { hasher.update(bytes); });
      CHECK(hasher.finish() == layer.diff_id.digest);
    }
  }
}

TEST_CASE("docker's media types are understood, and so is a pull by digest") {
  if (!has_programs({"docker-registry", "skopeo", "umoci"})) return;
  const DockerRegistry registry;
  push_sample(registry, "old:1", "--format v2s2");
  const TemporaryFolder state;
  Store store(state / "store");
  Watch watch;
  struct Resolved : Watch {
    void resolved(const Digest& digest) override { manifest = digest; }
    Digest manifest;
  } progress;
  const Image image =
      pull(store, parse_reference(registry.address() + "/old:1"), host_platform(), progress);
  const std::string by_digest = registry.address() + "/old@" + progress.manifest.text();
  CHECK(pull(store, parse_reference(by_digest), host_platform(), watch).id == image.id);
}

TEST_CASE("a registry that wants a password gets it from docker's configuration") {
  if (!has_programs({"docker-registry", "skopeo", "umoci"})) return;
  const DockerRegistry registry(true);
  push_sample(registry, "private:1", "--dest-creds user:secret");
  const TemporaryFolder home;
  const Reference name = parse_reference(registry.address() + "/private:1");
  const TemporaryFolder state;
  Store store(state / "store");
  Watch watch;
  REQUIRE(::setenv("DOCKER_CONFIG", home.path().c_str(), 1) == 0);

  CHECK(message_of([&] { pull(store, name, host_platform(), watch); })
            .starts_with("registry \"" + registry.address() + "\" denies access to \"private\""));
  // "user:secret"
  home.write("config.json",
             R"({"auths":{")" + registry.address() + R"(":{"auth":"dXNlcjpzZWNyZXQ="}}})");
  CHECK(pull(store, name, host_platform(), watch).layers.size() == 2);
  ::unsetenv("DOCKER_CONFIG");
}

TEST_CASE("what a registry does not have, or does not answer, is said with its name") {
  if (!has_programs({"docker-registry", "skopeo", "umoci"})) return;
  const TemporaryFolder state;
  Store store(state / "store");
  Watch watch;
  std::string address;
  {
    const DockerRegistry registry;
    push_sample(registry, "sample:1");
    address = registry.address();
    CHECK(message_of([&] {
            pull(store, parse_reference(address + "/sample:2"), host_platform(), watch);
          }).starts_with("registry \"" + address + "\" has no image"));
  }
  CHECK(message_of([&] {
          pull(store, parse_reference(address + "/sample:1"), host_platform(), watch);
        }).starts_with("registry \"" + address + "\" does not answer: "));
}

TEST_CASE("a blob that was altered in the registry is refused, and the store stays as it was") {
  if (!has_programs({"docker-registry", "skopeo", "umoci"})) return;
  const DockerRegistry registry;
  push_sample(registry, "sample:1");
  const Reference name = parse_reference(registry.address() + "/sample:1");
  Watch sizes;
  {
    const TemporaryFolder state;
    Store store(state / "store");
    pull(store, name, host_platform(), sizes);
  }
  const std::filesystem::path blob = registry.blob(sizes.sizes.back().digest.hex());
  {
    std::fstream file(blob, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(sizes.sizes.back().size) - 5);  // in gzip's CRC
    file.put('X');
  }
  const TemporaryFolder state;
  {
    Store store(state / "store");
    Watch watch;
    CHECK_THROWS_AS(pull(store, name, host_platform(), watch), Error);
    CHECK_FALSE(store.images().find(name));
    CHECK(store.images().list().empty());
    CHECK_FALSE(store.blobs().has(sizes.sizes.back().digest));
  }
  CHECK(files_in(state / "store/work") == 0);
}
