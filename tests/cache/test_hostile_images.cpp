// Images that lie, by every way in: an OCI layout, docker's archive, a registry. Each is refused with
// one clear error, and the store is as it was.
#include "archive/sample_image.hpp"
#include "registry/http_server.hpp"
#include "temporary_folder.hpp"

#include <cache/archive/gzip.hpp>
#include <cache/archive/load.hpp>
#include <cache/archive/zstd.hpp>
#include <cache/images/manifest.hpp>
#include <cache/layers/tar_writer.hpp>
#include <cache/registry/pull.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

using namespace slipway;

namespace {

constexpr std::string_view layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
constexpr std::string_view layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd";

std::string descriptor(std::string_view type, std::string_view digest, std::uint64_t size,
                       std::string_view more = "") {
  return R"({"mediaType":")" + std::string(type) + R"(","digest":")" + std::string(digest) +
         R"(","size":)" + std::to_string(size) + std::string(more) + "}";
}
std::string descriptor(std::string_view type, std::string_view bytes) {
  return descriptor(type, sha256(bytes).text(), bytes.size());
}

std::string packed(auto&& writer_of, std::string_view plain) {
  std::string bytes;
  auto writer = writer_of([&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  writer->write(std::as_bytes(std::span(plain)));
  writer->finish();
  return bytes;
}
std::string gzipped(std::string_view plain) {
  return packed([](ByteSink sink) { return std::make_unique<GzipWriter>(std::move(sink)); }, plain);
}
std::string zstd(std::string_view plain) {
  return packed([](ByteSink sink) { return std::make_unique<ZstdWriter>(std::move(sink)); }, plain);
}

// An image as somebody else made it: each document is text, and can be any.
struct Offered {
  std::map<std::string, std::string> blobs;  // by digest as it is asked for
  std::string root;                          // the manifest or index that the name stands for
  std::string root_type = std::string(media_type::oci_manifest);

  std::string add(const std::string& bytes) {
    blobs[sha256(bytes).text()] = bytes;
    return bytes;
  }
};

std::string config_of(const std::vector<std::string>& layers) {
  std::string ids;
  for (const std::string& layer : layers)
    ids += (ids.empty() ? "\"" : ",\"") + sha256(layer).text() + "\"";
  return R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[)" + ids +
         "]}}";
}

std::string manifest_of(const std::string& config, const std::vector<std::string>& layers,
                        std::string_view more = "") {
  std::string list;
  for (const std::string& layer : layers) list += (list.empty() ? "" : ",") + layer;
  return R"({"schemaVersion":2,"mediaType":")" + std::string(media_type::oci_manifest) +
         R"(","config":)" + config + R"(,"layers":[)" + list + "]" + std::string(more) + "}";
}

std::string index_of(const std::vector<std::string>& manifests) {
  std::string list;
  for (const std::string& manifest : manifests) list += (list.empty() ? "" : ",") + manifest;
  return R"({"schemaVersion":2,"mediaType":")" + std::string(media_type::oci_index) +
         R"(","manifests":[)" + list + "]}";
}

constexpr std::string_view for_us = R"(,"platform":{"os":"linux","architecture":"amd64"})";

// One gzipped layer, honest in all but what the tests change.
Offered offered(const std::string& tar, const std::string& blob,
                std::string_view type = layer_gzip) {
  Offered image;
  const std::string config = image.add(config_of({tar}));
  image.add(blob);
  image.root = image.add(
      manifest_of(descriptor(media_type::oci_config, config), {descriptor(type, blob)}));
  return image;
}
Offered offered(const std::string& tar) { return offered(tar, gzipped(tar)); }

// A tar of entries that are written as they are, with correct checksums.
std::string raw_tar(const std::vector<std::array<std::string, 4>>& entries) {
  std::string tar;
  for (const auto& [name, type, target, content] : entries) {
    std::string block(512, '\0');
    const auto put = [&block](std::size_t at, std::string_view text) {
      block.replace(at, text.size(), text);
    };
    char size[16];
    std::snprintf(size, sizeof size, "%011zo", content.size());
    put(0, name);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, size);
    put(136, "00000000000");
    put(156, type);
    put(157, target);
    put(257, std::string_view("ustar\00000", 8));
    put(148, "        ");
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    char text[16];
    std::snprintf(text, sizeof text, "%06o", sum);
    put(148, std::string(text) + '\0');
    tar += block + content + std::string((512 - content.size() % 512) % 512, '\0');
  }
  return tar + std::string(1024, '\0');
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

void require_untouched(const TemporaryFolder& folder) {
  Store store(folder / "store");
  CHECK(store.images().list().empty());
  std::size_t files = 0;
  for (const char* part : {"work", "blobs"}) {
    if (!std::filesystem::exists(folder / "store" / part)) continue;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder / "store" / part))
      files += entry.is_regular_file() ? 1 : 0;
  }
  CHECK(files == 0);
}

std::string load_layout_of(const Offered& image) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "layout/blobs/sha256");
  folder.write("layout/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  folder.write("layout/index.json", index_of({descriptor(image.root_type, image.root)}));
  for (const auto& [digest, bytes] : image.blobs)
    folder.write("layout/blobs/sha256/" + digest.substr(7), bytes);
  std::string message;
  {
    Store store(folder / "store");
    PullProgress progress;
    message = error_of([&] { load_archive(store, folder / "layout", {host_platform()}, progress); });
  }
  if (message != "no error") require_untouched(folder);
  return message;
}

std::string pull_of(const Offered& image) {
  const HttpServer server([&](const HttpServer::Request& request) -> HttpServer::Reply {
    if (request.path == "/v2/") return {};
    if (request.path == "/v2/app/manifests/1")
      return {.headers = {{"Content-Type", image.root_type}}, .body = image.root};
    const std::size_t at = request.path.find("sha256:");
    const auto found = image.blobs.find(at == std::string::npos ? "" : request.path.substr(at));
    if (found == image.blobs.end()) return {.status = 404};
    const bool index = found->second.find("\"manifests\"") != std::string::npos;
    const bool manifest = request.path.find("/manifests/") != std::string::npos;
    return {.headers = {{"Content-Type", std::string(!manifest ? "application/octet-stream"
                                                     : index   ? media_type::oci_index
                                                               : media_type::oci_manifest)}},
            .body = found->second};
  });
  const TemporaryFolder folder;
  std::string message;
  {
    Store store(folder / "store");
    PullProgress progress;
    message = error_of([&] {
      pull(store, parse_reference(server.address() + "/app:1"), host_platform(), progress);
    });
  }
  if (message != "no error") require_untouched(folder);
  return message;
}

// By both ways; the messages may differ in who is blamed.
void require_refused(const Offered& image, std::string_view reason) {
  const std::string loaded = load_layout_of(image);
  CHECK_MESSAGE(loaded.find(reason) != std::string::npos, "load: " << loaded);
  const std::string pulled = pull_of(image);
  CHECK_MESSAGE(pulled.find(reason) != std::string::npos, "pull: " << pulled);
}

}  // namespace

TEST_CASE("an honest image of strangers is taken by both ways") {
  CHECK(load_layout_of(offered(sample_tar())) == "no error");
  CHECK(pull_of(offered(sample_tar())) == "no error");
  const std::string tar = sample_tar();
  CHECK(pull_of(offered(tar, zstd(tar), layer_zstd)) == "no error");
}

TEST_CASE("wrong digests and sizes are found, wherever they stand") {
  const std::string tar = sample_tar();
  const std::string blob = gzipped(tar);
  Offered image = offered(tar);
  SUBCASE("a layer's bytes are others") {
    image.blobs[sha256(blob).text()] = gzipped(sample_tar("other"));
    CHECK(load_layout_of(image) != "no error");
    CHECK(pull_of(image) != "no error");
  }
  SUBCASE("a layer's files are right, and its blob is packed otherwise") {
    // What is inside has the config's diffID, but the bytes are not those that were named.
    image.blobs[sha256(blob).text()] = zstd(tar);
    CHECK(load_layout_of(image).find("damaged") != std::string::npos);
    const std::string pulled = pull_of(image);
    CHECK_MESSAGE(pulled != "no error", pulled);
  }
  SUBCASE("a layer is longer than it should be") {
    image.blobs[sha256(blob).text()] = blob + std::string(100, '\0');
    CHECK(load_layout_of(image) != "no error");
    CHECK(pull_of(image) != "no error");
  }
  SUBCASE("a layer is cut") {
    image.blobs[sha256(blob).text()] = blob.substr(0, blob.size() / 2);
    CHECK(load_layout_of(image) != "no error");
    CHECK(pull_of(image) != "no error");
  }
  SUBCASE("the config is another") {
    const std::string config = config_of({tar});
    image.blobs[sha256(config).text()] = config_of({sample_tar("other")});
    CHECK(load_layout_of(image) != "no error");
    CHECK(pull_of(image) != "no error");
  }
  SUBCASE("the manifest gives the layer a wrong size") {
    Offered other;
    other.blobs = image.blobs;
    other.root = other.add(manifest_of(
        descriptor(media_type::oci_config, config_of({tar})),
        {descriptor(layer_gzip, sha256(blob).text(), blob.size() + 1)}));
    CHECK(pull_of(other) != "no error");
    CHECK(load_layout_of(other).find("damaged") != std::string::npos);
  }
  SUBCASE("the digest is of an algorithm that nobody has") {
    image.root = image.add(manifest_of(descriptor(media_type::oci_config, config_of({tar})),
                                       {descriptor(layer_gzip, "md5:abc", 3)}));
    require_refused(image, "is not a sha256");
  }
  SUBCASE("a digest that is a path") {
    image.root = image.add(
        manifest_of(descriptor(media_type::oci_config, config_of({tar})),
                    {descriptor(layer_gzip, "sha256:../../../../etc/passwd", 3)}));
    require_refused(image, "is not a sha256");
  }
}

TEST_CASE("what is no image is refused by its type") {
  const std::string tar = sample_tar();
  const std::string blob = gzipped(tar);
  Offered image = offered(tar);
  const std::string config = descriptor(media_type::oci_config, config_of({tar}));
  SUBCASE("schema 1") {
    image.root = image.add(R"({"schemaVersion":1,"name":"app","fsLayers":[]})");
    require_refused(image, "schema 1");
  }
  SUBCASE("schema 1 by its type") {
    image.root_type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    image.root = image.add(R"({"name":"app","fsLayers":[]})");
    CHECK(pull_of(image).find("manifest.v1+prettyjws") != std::string::npos);
  }
  SUBCASE("a layer of an unknown type") {
    image.root = image.add(manifest_of(config, {descriptor("application/x-iso9660", blob)}));
    require_refused(image, "unknown type");
  }
  SUBCASE("a foreign layer") {
    image.root = image.add(manifest_of(
        config, {descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", blob)}));
    require_refused(image, "not distributed with it");
  }
  SUBCASE("a layer that is not distributable") {
    image.root = image.add(manifest_of(
        config,
        {descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", blob)}));
    require_refused(image, "not distributed with it");
  }
  SUBCASE("an artifact") {
    image.root = image.add(
        manifest_of(descriptor("application/vnd.cncf.helm.config.v1+json", config_of({tar})), {}));
    require_refused(image, "this is no image");
  }
  SUBCASE("a manifest and an index at once") {
    image.root = image.add(manifest_of(config, {descriptor(layer_gzip, blob)}, R"(,"manifests":[])"));
    require_refused(image, "both a manifest and an index");
  }
  SUBCASE("announced as another thing than it calls itself") {
    image.root_type = std::string(media_type::docker_manifest);
    require_refused(image, "calls itself");
  }
}

TEST_CASE("manifests that never end are given up") {
  const std::string tar = sample_tar();
  Offered image = offered(tar);
  SUBCASE("an index in an index in an index in an index") {
    std::string inner = descriptor(media_type::oci_manifest, sha256(image.root).text(),
                                   image.root.size(), for_us);
    for (int i = 0; i < 5; ++i) {
      image.root = image.add(index_of({inner}));
      inner = descriptor(media_type::oci_index, sha256(image.root).text(), image.root.size(), for_us);
    }
    image.root_type = std::string(media_type::oci_index);
    require_refused(image, "nested too deeply");
  }
  SUBCASE("a cycle, which only a liar's digests can make") {
    const std::string own = "sha256:" + std::string(64, 'a');
    image.root = index_of({descriptor(media_type::oci_index, own, 10, for_us)});
    image.blobs[own] = image.root;
    image.root_type = std::string(media_type::oci_index);
    CHECK(pull_of(image) != "no error");
    CHECK(load_layout_of(image) != "no error");
  }
  SUBCASE("JSON that is deep") {
    image.root = image.add(std::string(100000, '['));
    require_refused(image, "nested too deeply");
  }
  SUBCASE("JSON that has very many values") {
    std::string many = R"({"schemaVersion":2,"config":[)";
    for (int i = 0; i < 400000; ++i) many += "1,";
    image.root = image.add(many + "1]}");
    require_refused(image, "too many values");
  }
  SUBCASE("a manifest that is too long") {
    image.root = image.add(image.root + std::string(5 << 20, ' '));
    CHECK(pull_of(image) != "no error");
    CHECK(load_layout_of(image) != "no error");
  }
}

TEST_CASE("more layers than can be mounted, and layers that do not fit the config") {
  const std::string tar = sample_tar();
  const std::string blob = gzipped(tar);
  Offered image = offered(tar);
  SUBCASE("10,000 layers") {
    const std::vector<std::string> tars(10000, tar);
    const std::string config = image.add(config_of(tars));
    const std::vector<std::string> layers(10000, descriptor(layer_gzip, blob));
    image.root = image.add(manifest_of(descriptor(media_type::oci_config, config), layers));
    require_refused(image, "10000 layers");
  }
  SUBCASE("more in the manifest than in the config") {
    image.root = image.add(manifest_of(descriptor(media_type::oci_config, config_of({tar})),
                                       {descriptor(layer_gzip, blob), descriptor(layer_gzip, blob)}));
    require_refused(image, "1 layers");
  }
  SUBCASE("none in the config") {
    const std::string config = image.add(config_of({}));
    image.root = image.add(
        manifest_of(descriptor(media_type::oci_config, config), {descriptor(layer_gzip, blob)}));
    require_refused(image, "0 layers");
  }
  SUBCASE("the same layer three times is no lie") {
    const std::string config = image.add(config_of({tar, tar, tar}));
    const std::vector<std::string> layers(3, descriptor(layer_gzip, blob));
    image.root = image.add(manifest_of(descriptor(media_type::oci_config, config), layers));
    CHECK(load_layout_of(image) == "no error");
    CHECK(pull_of(image) == "no error");
  }
}

TEST_CASE("bombs are defused before they fill the disk") {
  const std::string zeros(std::size_t{200} << 20, '\0');
  SUBCASE("gzip") { require_refused(offered("x", gzipped(zeros)), ""); }
  SUBCASE("zstd") {
    require_refused(offered("x", zstd(zeros), layer_zstd), "");
  }
  SUBCASE("a file of a terabyte in a few bytes") {
    // The header alone says so; the bytes never come.
    std::string tar = raw_tar({{"big", "0", "", ""}});
    tar.replace(124, 11, "17777777777");
    tar.replace(148, 8, "        ");
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(tar[i]);
    char text[16];
    std::snprintf(text, sizeof text, "%06o", sum);
    tar.replace(148, 7, std::string(text) + '\0');
    require_refused(offered(tar), "");
  }
}

TEST_CASE("tars that would leave the root are refused or stay beneath it") {
  const TemporaryFolder outside;
  outside.write("marker", "untouched");
  const std::string target = outside.path().string();
  using Entries = std::vector<std::array<std::string, 4>>;
  const auto try_tar = [&](const Entries& entries) {
    const Offered image = offered(raw_tar(entries));
    const std::string loaded = load_layout_of(image);
    const std::string pulled = pull_of(image);
    CHECK((loaded == "no error") == (pulled == "no error"));
    CHECK(outside.read("marker") == "untouched");
    CHECK(std::distance(std::filesystem::directory_iterator(outside.path()), {}) == 1);
    return loaded;
  };
  CHECK(try_tar({{"../../../../../../../../tmp/slipway-escaped", "0", "", "x"}}) != "no error");
  CHECK_FALSE(std::filesystem::exists("/tmp/slipway-escaped"));
  CHECK(try_tar({{"a", "2", target, ""}, {"a/new", "0", "", "x"}}) != "");
  CHECK(try_tar({{"a", "2", target, ""}, {"a/marker", "0", "", "x"}}) != "");
  CHECK(try_tar({{"a", "1", target + "/marker", ""}}) != "no error");
  CHECK(try_tar({{"a", "1", "../../../../../../../.." + target + "/marker", ""}}) != "no error");
  CHECK(try_tar({{"a", "2", target, ""}, {".wh.a", "0", "", ""}, {"a/marker", "0", "", "x"}}) != "");
  CHECK(try_tar({{"d/.wh...", "0", "", ""}}) != "");
  CHECK(try_tar({{"d/.wh...wh..", "0", "", ""}}) != "");
}

TEST_CASE("entries that come twice: the last counts") {
  const std::string tar =
      raw_tar({{"a", "0", "", "first"}, {"a", "2", "b", ""}, {"a", "0", "", "last"}});
  const TemporaryFolder folder;
  Store store(folder / "store");
  TextSource source(tar);
  const LayerRef layer = store.layers().extract(source, std::nullopt, true);
  std::ifstream file(store.layers().directory(layer.diff_id) / "a");
  std::string text;
  std::getline(file, text);
  CHECK(text == "last");
}

TEST_CASE("docker's archive that names members outside, or lies about layers, is refused") {
  const std::string tar = sample_tar();
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "archive");
  folder.write("archive/config.json", config_of({tar}));
  folder.write("archive/layer.tar", tar);
  std::string names = "null";
  std::string layers = R"(["layer.tar"])";
  SUBCASE("ten thousand layers") {
    std::string list;
    std::string ids;
    for (int i = 0; i < 10000; ++i) {
      list += (list.empty() ? "" : ",") + std::string(R"("layer.tar")");
      ids += (ids.empty() ? "\"" : ",\"") + sha256(tar).text() + "\"";
    }
    layers = "[" + list + "]";
    folder.write("archive/config.json",
                 R"({"architecture":"amd64","os":"linux","rootfs":{"diff_ids":[)" + ids + "]}}");
  }
  SUBCASE("a layer outside") { layers = R"(["../../../../etc/passwd"])"; }
  SUBCASE("a name that is none") { names = R"(["../../x:y:z"])"; }
  SUBCASE("another layer than the config says") {
    folder.write("archive/layer.tar", sample_tar("other"));
  }
  folder.write("archive/manifest.json", R"([{"Config":"config.json","RepoTags":)" + names +
                                            R"(,"Layers":)" + layers + "}]");
  std::string message;
  {
    Store store(folder / "store");
    PullProgress progress;
    message = error_of([&] { load_archive(store, folder / "archive", {host_platform()}, progress); });
  }
  CHECK_MESSAGE(message != "no error", message);
  require_untouched(folder);
}
