// What other programs make of slipway's archives, and slipway of theirs.
#include "../programs.hpp"
#include "sample_image.hpp"

#include <cache/archive/load.hpp>
#include <cache/archive/save.hpp>
#include <cache/registry/pull.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <string>

using namespace slipway;

namespace {

void save(Store& store, const Image& image, const SaveOptions& options,
          const std::filesystem::path& path) {
  std::ofstream file(path, std::ios::binary);
  save_tar(store, {{.config_json = image.config_json, .names = {parse_reference("sample:1")}}},
           options, [&](std::span<const std::byte> bytes) {
             file.write(reinterpret_cast<const char*>(bytes.data()),
                        static_cast<std::streamsize>(bytes.size()));
           });
}

}  // namespace

TEST_CASE("skopeo reads both kinds of archive and finds the same config in each") {
  if (!has_programs({"skopeo"})) return;
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  for (const Compression compression : {Compression::gzip, Compression::zstd, Compression::none}) {
    save(store, image, {.docker = false, .compression = compression}, folder / "oci.tar");
    const std::string oci = "oci-archive:" + (folder / "oci.tar").string() + ":1";
    CHECK(output_of("skopeo inspect --config --raw " + oci) == image.config_json);
    CHECK(run_command("skopeo copy -q " + oci + " dir:" + (folder / "copy").string()));
  }
  save(store, image, {.docker = true, .compression = Compression::none}, folder / "docker.tar");
  const std::string docker = "docker-archive:" + (folder / "docker.tar").string();
  CHECK(output_of("skopeo inspect --config --raw " + docker + ":docker.io/library/sample:1") ==
        image.config_json);
  CHECK(run_command("skopeo copy -q " + docker + " dir:" + (folder / "copy").string()));
}

TEST_CASE("umoci unpacks what slipway wrote, with every file as it was") {
  if (!has_programs({"umoci"})) return;
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  save_directory(store,
                 {{.config_json = image.config_json, .names = {parse_reference("sample:1")}}}, {},
                 folder / "layout");
  const std::string bundle = (folder / "bundle").string();
  REQUIRE(run_command("umoci unpack --rootless --image " + (folder / "layout").string() + ":1 " +
                      bundle));
  CHECK(folder.read("bundle/rootfs/etc/issue") == "hello\n");
  CHECK(std::filesystem::hard_link_count(folder / "bundle/rootfs/etc/other") == 2);
  CHECK(std::filesystem::read_symlink(folder / "bundle/rootfs/etc/symlink") == "/etc/issue");
}

TEST_CASE("gzip finds nothing wrong with a layer") {
  if (!has_programs({"gzip"})) return;
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store, std::string(5'000'000, 'x'));
  const BlobDescriptor blob =
      compressed_layer(store, image.layers.front().diff_id, Compression::gzip);
  const std::string path = (store.state().blobs() / blob.digest.hex()).string();
  CHECK(run_command("gzip -t < " + path));
  CHECK(output_of("gzip -dc < " + path + " | sha256sum").substr(0, 64) ==
        image.layers.front().diff_id.hex());
}

TEST_CASE("slipway loads what skopeo writes, compressed as a whole or not") {
  if (!has_programs({"skopeo", "gzip"})) return;
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  save(store, image, {}, folder / "oci.tar");
  const std::string from = "oci-archive:" + (folder / "oci.tar").string() + ":1";
  const std::string to = (folder / "theirs").string();
  SUBCASE("docker archive") {
    REQUIRE(run_command("skopeo copy -q " + from + " docker-archive:" + to + ":their/name:2"));
  }
  SUBCASE("docker archive, gzipped") {
    REQUIRE(run_command("skopeo copy -q " + from + " docker-archive:" + to +
                        ":their/name:2 && gzip " + to + " && mv " + to + ".gz " + to));
  }
  SUBCASE("OCI layout") {
    REQUIRE(run_command("skopeo copy -q " + from + " oci:" + to + ":their/name:2"));
  }
  SUBCASE("OCI archive") {
    REQUIRE(run_command("skopeo copy -q " + from + " oci-archive:" + to + ":their/name:2"));
  }
  const TemporaryFolder other;
  Store target(other / "store");
  PullProgress progress;
  const auto loaded = load_archive(target, to, host_platform(), progress);
  REQUIRE(loaded.size() == 1);
  CHECK(loaded.front().config.diff_ids == image.config.diff_ids);
  CHECK(target.images().get("their/name:2").id == loaded.front().id);
}
