// What other programs make of slipway's archives, and slipway of theirs.
#include "../programs.hpp"
#include "sample_image.hpp"

#include <cache/archive/load.hpp>
#include <cache/archive/save.hpp>
#include <cache/registry/pull.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

using namespace slipway;

namespace {

void save(Store& store, const Image& image, const SaveOptions& options,
          const std::filesystem::path& path) {
  std::ofstream file(path, std::ios::binary);
  save_tar(store, {to_pack(image, {parse_reference("sample:1")})}, options,
           [&](std::span<const std::byte> bytes) {
             file.write(reinterpret_cast<const char*>(bytes.data()),
                        static_cast<std::streamsize>(bytes.size()));
           });
}

std::vector<LayerFormat> formats() {
  return {{.compression = Compression::gzip},
          {.compression = Compression::gzip, .level = 1},
          {.compression = Compression::gzip, .level = 6},
          {.compression = Compression::gzip, .level = 9},
          {.compression = Compression::zstd},
          {.compression = Compression::zstd, .level = 19},
          {.compression = Compression::none}};
}

}  // namespace

TEST_CASE("skopeo reads every kind of archive and finds the same config in each") {
  if (!has_programs({"skopeo"})) return;
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  const auto check = [&](const SaveOptions& options) {
    save(store, image, options, folder / "oci.tar");
    const std::string oci = "oci-archive:" + (folder / "oci.tar").string() + ":1";
    CHECK(output_of("skopeo inspect --config --raw " + oci) == image.config_json);
    CHECK(run_command("skopeo copy -q " + oci + " dir:" + (folder / "copy").string()));
  };
  for (const LayerFormat& format : formats()) {
    CAPTURE(format_name(format));
    SaveOptions options;
    options.pack.layers = format;
    check(options);
  }
  // docker's media types are for registries: skopeo finds none of them in a layout.
  SaveOptions options{.docker = true, .pack = {}};
  for (const LayerFormat& format : {docker_layers(), LayerFormat{}}) {
    options.pack.layers = format;
    save(store, image, options, folder / "docker.tar");
    const std::string docker = "docker-archive:" + (folder / "docker.tar").string();
    CHECK(output_of("skopeo inspect --config --raw " + docker + ":docker.io/library/sample:1") ==
          image.config_json);
    CHECK(run_command("skopeo copy -q " + docker + " dir:" + (folder / "copy").string()));
  }
}

TEST_CASE("umoci unpacks what slipway wrote, with every file as it was") {
  if (!has_programs({"umoci"})) return;
  for (const LayerFormat& format : formats()) {
    // umoci of Debian 12 knows no zstd.
    if (format.compression == Compression::zstd) continue;
    CAPTURE(format_name(format));
    const TemporaryFolder folder;
    Store store(folder / "store");
    SaveOptions options;
    options.pack.layers = format;
    save_directory(store, {to_pack(sample_image(store), {parse_reference("sample:1")})}, options,
                   folder / "layout");
    const std::string bundle = (folder / "bundle").string();
    REQUIRE(run_command("umoci unpack --rootless --image " + (folder / "layout").string() + ":1 " +
                        bundle));
    CHECK(folder.read("bundle/rootfs/etc/issue") == "hello\n");
    CHECK(std::filesystem::hard_link_count(folder / "bundle/rootfs/etc/other") == 2);
    CHECK(std::filesystem::read_symlink(folder / "bundle/rootfs/etc/symlink") == "/etc/issue");
  }
}

TEST_CASE("skopeo and umoci find the image beside what is attested of it") {
  if (!has_programs({"skopeo", "umoci"})) return;
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  ToPack attested = to_pack(image, {parse_reference("sample:1")});
  attested.images.front().attachments.attestations = {
      {"https://slsa.dev/provenance/v1", R"({"buildDefinition":{}})"}};
  save_directory(store, {attested}, {}, folder / "layout");
  const std::string layout = (folder / "layout").string() + ":1";
  CHECK(output_of("skopeo inspect --config --raw oci:" + layout) == image.config_json);
  CHECK(run_command("skopeo copy -q --all oci:" + layout + " oci:" + (folder / "all").string() +
                    ":1"));
  // umoci wants one manifest for a name.
  REQUIRE(run_command("skopeo copy -q oci:" + layout + " oci:" + (folder / "one").string() + ":1"));
  CHECK(run_command("umoci unpack --rootless --image " + (folder / "one").string() + ":1 " +
                    (folder / "bundle").string()));
  CHECK(folder.read("bundle/rootfs/etc/issue") == "hello\n");
}

TEST_CASE("the programs for the formats find nothing wrong with a layer") {
  if (!has_programs({"gzip", "zstd"})) return;
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store, std::string(20'000'000, 'x'));
  const DiffId layer = image.layers.front().diff_id;
  for (const LayerFormat& format : formats()) {
    if (format.compression == Compression::none) continue;
    CAPTURE(format_name(format));
    const std::string program = format.compression == Compression::gzip ? "gzip" : "zstd";
    const BlobDescriptor blob = layer_blob(store, layer, format);
    const std::string path = (store.state().blobs() / blob.digest.hex()).string();
    CHECK(run_command(program + " -t < " + path));
    CHECK(output_of(program + " -dc < " + path + " | sha256sum").substr(0, 64) == layer.hex());
  }
}

TEST_CASE("slipway loads what skopeo writes, compressed as a whole or not") {
  if (!has_programs({"skopeo", "gzip", "xz", "bzip2", "zstd"})) return;
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
  SUBCASE("docker archive, compressed by xz") {
    REQUIRE(run_command("skopeo copy -q " + from + " docker-archive:" + to +
                        ":their/name:2 && xz -0 " + to + " && mv " + to + ".xz " + to));
  }
  SUBCASE("docker archive, compressed by bzip2") {
    REQUIRE(run_command("skopeo copy -q " + from + " docker-archive:" + to +
                        ":their/name:2 && bzip2 -1 " + to + " && mv " + to + ".bz2 " + to));
  }
  SUBCASE("OCI layout, zstd") {
    REQUIRE(run_command("skopeo copy -q --dest-compress --dest-compress-format zstd " + from +
                        " oci:" + to + ":their/name:2"));
  }
  SUBCASE("OCI archive, compressed by zstd") {
    REQUIRE(run_command("skopeo copy -q " + from + " oci-archive:" + to +
                        ":their/name:2 && zstd -q " + to + " && mv " + to + ".zst " + to));
  }
  SUBCASE("OCI archive") {
    REQUIRE(run_command("skopeo copy -q " + from + " oci-archive:" + to + ":their/name:2"));
  }
  const TemporaryFolder other;
  Store target(other / "store");
  PullProgress progress;
  const auto loaded = load_archive(target, to, host_platform(), progress);
  REQUIRE(loaded.size() == 1);
  CHECK(loaded.front().images.at(0).config.diff_ids == image.config.diff_ids);
  CHECK(target.images().get("their/name:2").id == loaded.front().id);
}
