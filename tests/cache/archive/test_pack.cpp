// Images as others see them: what the manifest says, what it names, and that all of it can be had.
#include "../temporary_folder.hpp"
#include "conformance.hpp"
#include "sample_image.hpp"

#include <cache/archive/attestation.hpp>
#include <cache/archive/load.hpp>
#include <cache/archive/pack.hpp>
#include <cache/archive/save.hpp>
#include <cache/blobs.hpp>
#include <cache/layers/layer_blobs.hpp>
#include <cache/registry/pull.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

using namespace slipway;
using conformance::Json;

namespace {

std::string bytes_of(const PackedBlob& blob) {
  std::string bytes;
  blob.write([&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  return bytes;
}

// All that was packed, by digest, as a registry would have it.
conformance::Blobs blobs_of(const Packed& packed) {
  conformance::Blobs blobs;
  for (const PackedBlob& blob : packed.blobs) {
    const std::string digest = blob.descriptor.digest.text();
    CHECK_FALSE(blobs.contains(digest));
    blobs[digest] = bytes_of(blob);
  }
  for (const PackedDocument& document : packed.documents) {
    blobs[document.descriptor.digest.text()] = document.json;
  }
  return blobs;
}

// Whether all that the root names was packed, and is as the specification has it.
conformance::Blobs check_packed(const Packed& packed) {
  const conformance::Blobs blobs = blobs_of(packed);
  conformance::check_reachable(Json::parse(write_descriptor(packed.root)), blobs);
  CHECK(packed.documents.back().descriptor.digest == packed.root.digest);
  return blobs;
}

Json document(const conformance::Blobs& blobs, const Json& descriptor) {
  return Json::parse(blobs.at(descriptor.at("digest").get<std::string>()));
}

// Into a store of its own, which lives as long as the folder.
struct Elsewhere {
  TemporaryFolder folder;
  Store store{folder / "store"};
  std::vector<LoadedImage> load(const std::filesystem::path& archive,
                                const std::vector<Platform>& platforms = {}) {
    PullProgress progress;
    return load_archive(store, archive, platforms, progress);
  }
};

Image foreign_image(Store& store, const Image& image, const Platform& platform) {
  ImageConfig config = image.config;
  config.platform = platform;
  return store.images().find(store.images().put(write_image_config(config))).value();
}

std::string message_of(auto&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("an image is packed as a manifest with its config and layers") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  struct Case {
    LayerFormat format;
    bool oci;
    std::string manifest;
    std::string config;
    std::string layer;
  };
  const std::string oci = "application/vnd.oci.image.";
  const std::string docker = "application/vnd.docker.";
  const std::vector<Case> cases = {
      {{}, true, oci + "manifest.v1+json", oci + "config.v1+json", oci + "layer.v1.tar+gzip"},
      {{.compression = Compression::zstd},
       true,
       oci + "manifest.v1+json",
       oci + "config.v1+json",
       oci + "layer.v1.tar+zstd"},
      {{.compression = Compression::none},
       true,
       oci + "manifest.v1+json",
       oci + "config.v1+json",
       oci + "layer.v1.tar"},
      {{},
       false,
       docker + "distribution.manifest.v2+json",
       docker + "container.image.v1+json",
       docker + "image.rootfs.diff.tar.gzip"},
      {{.compression = Compression::none},
       false,
       docker + "distribution.manifest.v2+json",
       docker + "container.image.v1+json",
       docker + "image.rootfs.diff.tar"}};
  for (const Case& each : cases) {
    CAPTURE(each.layer);
    PackOptions options;
    options.layers = each.format;
    options.oci_types = each.oci;
    const Packed packed = pack(store, to_pack(image, {}), options);
    const auto blobs = check_packed(packed);
    CHECK(packed.root.media_type == each.manifest);
    CHECK(packed.root.platform == image.config.platform);
    const Json manifest = Json::parse(blobs.at(packed.root.digest.text()));
    CHECK(manifest.at("config").at("mediaType") == each.config);
    CHECK(manifest.at("config").at("digest") == image.id.text());
    CHECK(manifest.at("layers").at(0).at("mediaType") == each.layer);
    // The same again, though the layer is compressed already.
    CHECK(pack(store, to_pack(image, {}), options).root == packed.root);
  }
}

TEST_CASE("a layer is compressed once for each format, and what was compressed stays") {
  const TemporaryFolder state;
  Store store(state / "store");
  const Image image = sample_image(store);
  const DiffId layer = image.layers.front().diff_id;
  std::vector<BlobDescriptor> made;
  for (const LayerFormat& format :
       {LayerFormat{}, LayerFormat{.level = 9}, LayerFormat{.compression = Compression::zstd}}) {
    made.push_back(layer_blob(store, layer, format));
    const auto path = store.state().blobs() / made.back().digest.hex();
    const auto written = std::filesystem::last_write_time(path);
    CHECK(layer_blob(store, layer, format) == made.back());
    CHECK(std::filesystem::last_write_time(path) == written);
  }
  CHECK(made[0].media_type == "application/vnd.oci.image.layer.v1.tar+gzip");
  CHECK(made[0].digest != made[1].digest);
  for (const BlobDescriptor& blob : made) CHECK(store.blobs().size(blob.digest) == blob.size);
  // Level 2 is what no level means.
  CHECK(layer_blob(store, layer, {.level = 2}) == made[0]);
  CHECK_FALSE(store.layers().blob(layer));  // that is for what came from elsewhere
  CHECK_THROWS_AS(require_level({.level = 13}), Error);
  CHECK_THROWS_AS(require_level({.compression = Compression::zstd, .level = 23}), Error);
}

TEST_CASE("each layer is told of once, before pack() ends, and its blob can be had by then") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image one = sample_image(store);
  const Image two = sample_image(store, "another");
  ToPack both = to_pack(one, {});
  both.images.push_back({two.config_json, {}});
  both.images.push_back({one.config_json, {}});
  std::vector<Digest> ready;
  PackOptions options;
  options.ready = [&](const PackedBlob& blob) {
    CHECK(sha256(bytes_of(blob)) == blob.descriptor.digest);
    ready.push_back(blob.descriptor.digest);
  };
  pack(store, both, options);
  CHECK(ready.size() == 2);
  options.ready = [](const PackedBlob&) { throw Error("the registry is gone"); };
  CHECK_THROWS_WITH_AS(pack(store, both, options), "the registry is gone", Error);
}

TEST_CASE("annotations stand at all four levels") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  ToPack image = to_pack(sample_image(store), {parse_reference("app:1")});
  image.index = true;
  image.annotations = {.index = {{"i", "1"}}, .index_descriptor = {{"id", "2"}}};
  image.images.front().attachments.annotations = {.manifest = {{"m", "3"}},
                                                  .manifest_descriptor = {{"md", "4"}}};
  const Packed packed = pack(store, image, {.layers = {}, .oci_types = false});
  const auto blobs = check_packed(packed);
  CHECK(packed.root.media_type == media_type::oci_index);  // docker's has no place for them
  CHECK(packed.root.annotations == std::map<std::string, std::string>{{"id", "2"}});
  const Json index = Json::parse(blobs.at(packed.root.digest.text()));
  CHECK(index.at("annotations") == Json{{"i", "1"}});
  CHECK(index.at("manifests").at(0).at("annotations") == Json{{"md", "4"}});
  CHECK(document(blobs, index.at("manifests").at(0)).at("annotations") == Json{{"m", "3"}});
}

TEST_CASE("an index without anything of OCI's is docker's manifest list") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  ToPack image = to_pack(sample_image(store), {});
  image.index = true;
  PackOptions options;
  options.oci_types = false;
  const Packed packed = pack(store, image, options);
  check_packed(packed);
  CHECK(packed.root.media_type == media_type::docker_list);
}

TEST_CASE("attestations are attached as BuildKit attaches them") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  ToPack attested =
      to_pack(image, {parse_reference("app:1.2"), parse_reference("localhost:5000/team/app:x")});
  const std::string predicate = R"({"z":1,"a":[1.50,"\u00e4"]})";
  attested.images.front().attachments.attestations = {{"https://slsa.dev/provenance/v1", predicate},
                                                      {"https://spdx.dev/Document", "{}"}};
  PackOptions options;
  const Packed packed = pack(store, attested, options);
  const auto blobs = check_packed(packed);
  CHECK(packed.root.media_type == media_type::oci_index);
  const Json index = Json::parse(blobs.at(packed.root.digest.text()));
  REQUIRE(index.at("manifests").size() == 2);
  const Json& about = index.at("manifests").at(0);
  const Json& entry = index.at("manifests").at(1);
  CHECK(entry.at("platform") == Json{{"architecture", "unknown"}, {"os", "unknown"}});
  CHECK(entry.at("annotations") == Json{{"vnd.docker.reference.digest", about.at("digest")},
                                        {"vnd.docker.reference.type", "attestation-manifest"}});
  const Json manifest = document(blobs, entry);
  CHECK(manifest.at("artifactType") == "application/vnd.docker.attestation.manifest.v1+json");
  CHECK(
      manifest.at("config") ==
      Json::parse(
          R"({"mediaType":"application/vnd.oci.empty.v1+json","data":"e30=","size":2,)"
          R"("digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"})"));
  CHECK(manifest.at("subject").at("digest") == about.at("digest"));
  REQUIRE(manifest.at("layers").size() == 2);
  const Json& layer = manifest.at("layers").at(0);
  CHECK(layer.at("mediaType") == "application/vnd.in-toto+json");
  CHECK(layer.at("annotations") ==
        Json{{"in-toto.io/predicate-type", "https://slsa.dev/provenance/v1"}});
  const std::string text = blobs.at(layer.at("digest").get<std::string>());
  // Byte for byte, because a signature may be about them.
  CHECK(text.find("\"predicate\":" + predicate) != std::string::npos);
  const Json statement = Json::parse(text);
  CHECK(statement.at("_type") == "https://in-toto.io/Statement/v1");
  CHECK(statement.at("predicateType") == "https://slsa.dev/provenance/v1");
  const std::string hex = about.at("digest").get<std::string>().substr(7);
  const std::string platform = "?platform=linux%2F" + image.config.platform.architecture;
  CHECK(statement.at("subject") ==
        Json::array({{{"name", "pkg:docker/app@1.2" + platform}, {"digest", {{"sha256", hex}}}},
                     {{"name", "pkg:docker/localhost%3A5000/team/app@x" + platform},
                      {"digest", {{"sha256", hex}}}}}));

  // Without artifacts it is an image's manifest, whose config says nothing.
  options.oci_artifacts = false;
  const Packed legacy = pack(store, attested, options);
  const auto legacy_blobs = check_packed(legacy);
  const Json old = document(
      legacy_blobs, Json::parse(legacy_blobs.at(legacy.root.digest.text())).at("manifests").at(1));
  CHECK_FALSE(old.contains("artifactType"));
  CHECK(document(legacy_blobs, old.at("config")).at("os") == "unknown");

  CHECK(message_of([&] {
          attested.images.front().attachments.attestations = {{"x", "{"}};
          pack(store, attested, {});
        }) == "the attestation \"x\" is no JSON");
}

TEST_CASE("without a name an attestation still has a subject") {
  const Json statement =
      Json::parse(write_statement({"x", "{}"}, sha256("m"), {}, host_platform()));
  CHECK(statement.at("subject").size() == 1);
  CHECK(statement.at("subject").at(0).at("name") == "_");
}

TEST_CASE("a name with a digest has it in its package URL") {
  Reference name = parse_reference("team/app@" + sha256("x").text());
  CHECK(package_url(name, {"linux", "arm", "v7"}) ==
        "pkg:docker/team/app?digest=" + sha256("x").text() + "&platform=linux%2Farm%2Fv7");
}

TEST_CASE("an image that was loaded goes on as the manifest it came as, while its blobs are kept") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  SaveOptions options;
  SUBCASE("gzip at another level") {
    options.pack.layers.level = 9;
  }
  SUBCASE("zstd") {
    options.pack.layers.compression = Compression::zstd;
  }
  SUBCASE("uncompressed") {
    options.pack.layers.compression = Compression::none;
  }
  SUBCASE("docker's types") {
    options.pack.oci_types = false;
  }
  SUBCASE("annotated") {}
  ToPack given = to_pack(image, {parse_reference("app:1")});
  given.images.front().attachments.annotations.manifest = {{"key", "value"}};
  if (!options.pack.oci_types) given.images.front().attachments = {};
  const BlobDescriptor root = save_directory(store, {given}, options, folder / "layout").front();

  Elsewhere elsewhere;
  const auto loaded = elsewhere.load(folder / "layout");
  REQUIRE(loaded.size() == 1);
  CHECK(loaded.front().id == image.id);
  const auto again = [&](const PackOptions& pack_options) {
    return pack(elsewhere.store, stored_image(elsewhere.store, image.id, {}), pack_options).root;
  };
  CHECK(again({}).digest == root.digest);
  check_packed(pack(elsewhere.store, stored_image(elsewhere.store, image.id, {}), {}));
  PackOptions own;
  own.original = false;
  const bool zstd = options.pack.layers.compression == Compression::zstd;
  own.layers = {.compression = zstd ? Compression::none : Compression::zstd, .force = true};
  CHECK(again(own).digest != root.digest);
  // Another annotation is another manifest, and one that it has is not.
  ToPack annotated = stored_image(elsewhere.store, image.id, {});
  annotated.images.front().attachments.annotations.manifest["new"] = "1";
  CHECK(pack(elsewhere.store, annotated, {}).root.digest != root.digest);
}

TEST_CASE("a layer keeps the blob it came as, unless another is forced") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  const DiffId layer = image.layers.front().diff_id;
  SaveOptions options;
  options.pack.layers.level = 9;
  save_directory(store, {to_pack(image, {})}, options, folder / "layout");
  const BlobDescriptor foreign = layer_blob(store, layer, {.level = 9});

  Elsewhere elsewhere;
  elsewhere.load(folder / "layout");
  Store& other = elsewhere.store;
  CHECK(layer_blob(other, layer, {}) == foreign);
  CHECK(layer_blob(other, layer, {.compression = Compression::zstd}) == foreign);
  CHECK(layer_blob(other, layer, {.level = 1}) == foreign);
  CHECK(layer_blob(other, layer, {.force = true}) == foreign);  // gzip it is
  CHECK(layer_blob(other, layer, {.level = 1, .force = true}).digest != foreign.digest);
  const BlobDescriptor zstd =
      layer_blob(other, layer, {.compression = Compression::zstd, .force = true});
  CHECK(zstd.media_type == layer_media_type(Compression::zstd));
  CHECK(layer_blob(other, layer, {}) == foreign);  // still
}

TEST_CASE("what came uncompressed has no blob of its own to keep") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  SaveOptions options{.docker = true, .pack = {}};
  options.pack.layers = docker_layers();
  save_directory(store, {to_pack(image, {})}, options, folder / "layout");
  Elsewhere elsewhere;
  elsewhere.load(folder / "layout");
  CHECK(
      layer_blob(elsewhere.store, image.layers.front().diff_id, {.compression = Compression::zstd})
          .media_type == layer_media_type(Compression::zstd));
}

TEST_CASE("a manifest that names another layer's blob does not go on as it came") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  const Image other = sample_image(store, "another");
  const BlobDescriptor stranger = layer_blob(store, other.layers.front().diff_id, {});
  Manifest lie;
  lie.config = {.media_type = std::string(media_type::oci_config),
                .digest = image.id,
                .size = image.config_json.size(),
                .platform = {},
                .annotations = {}};
  lie.layers = {stranger};
  store.image_facts().put_manifest(image.id, {lie.media_type, write_manifest(lie)});
  const Packed packed = pack(store, stored_image(store, image.id, {}), {});
  CHECK(packed.root.digest != sha256(write_manifest(lie)));
  check_packed(packed);
}

TEST_CASE("an index is saved with all its platforms and attestations, and loaded with them") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  const Platform s390x{"linux", "s390x", ""};
  const Image foreign = foreign_image(store, image, s390x);
  const Digest id = store.images().put_index({image.id, foreign.id});
  const Attestation attestation{"https://spdx.dev/Document", R"({"spdxVersion":"SPDX-2.3"})"};
  store.image_facts().put_attachments(image.id, {{.manifest = {{"a", "1"}}}, {attestation}});
  store.image_facts().put_attachments(id, {{.index = {{"i", "2"}}}, {}});
  const std::vector<Reference> names = {parse_reference("app:1")};
  const ToPack packed = stored_image(store, id, names);
  CHECK(packed.images.size() == 2);
  const BlobDescriptor root = save_directory(store, {packed}, {}, folder / "layout").front();
  CHECK(root.media_type == media_type::oci_index);
  std::map<std::string, std::string> files;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder / "layout")) {
    if (!file.is_regular_file()) continue;
    const auto name = file.path().lexically_relative(folder / "layout").string();
    files[name] = folder.read("layout/" + name);
  }
  conformance::check_layout_files(files);

  SUBCASE("all") {
    Elsewhere elsewhere;
    const auto loaded = elsewhere.load(folder / "layout");
    REQUIRE(loaded.size() == 1);
    CHECK(loaded.front().id == id);
    CHECK(loaded.front().names == names);
    CHECK(loaded.front().images.size() == 2);
    CHECK(elsewhere.store.image_facts().attachments(image.id) ==
          Attachments{{.manifest = {{"a", "1"}}}, {attestation}});
    CHECK(elsewhere.store.images().find(names.front(), s390x)->id == foreign.id);
    // And out again, the same bytes.
    CHECK(pack(elsewhere.store, stored_image(elsewhere.store, id, names), {}).root.digest ==
          root.digest);
  }
  SUBCASE("one of them") {
    Elsewhere elsewhere;
    const auto loaded = elsewhere.load(folder / "layout", {s390x});
    REQUIRE(loaded.size() == 1);
    CHECK(loaded.front().id == foreign.id);
    CHECK(elsewhere.store.images().get("app:1").id == foreign.id);
    CHECK_FALSE(elsewhere.store.images().find(image.id));
  }
  SUBCASE("one that it has not") {
    Elsewhere elsewhere;
    CHECK(message_of([&] {
            elsewhere.load(folder / "layout", {{"linux", "riscv64", ""}});
          }) == "the archive has no variant of the image for linux/riscv64");
  }
  SUBCASE("what an archive lacks of its index is passed over, as after docker save --platform") {
    const auto manifest = Json::parse(files.at("blobs/sha256/" + root.digest.hex()));
    const std::string digest = manifest.at("manifests").at(1).at("digest");
    std::filesystem::remove(folder / "layout/blobs/sha256" / digest.substr(7));
    Elsewhere elsewhere;
    const auto loaded = elsewhere.load(folder / "layout");
    REQUIRE(loaded.size() == 1);
    CHECK(loaded.front().id == image.id);
  }
  SUBCASE("one platform is saved as an image like any other") {
    const ToPack one = stored_image(store, id, names, {s390x});
    const BlobDescriptor manifest = save_directory(store, {one}, {}, folder / "one").front();
    CHECK(manifest.media_type == media_type::oci_manifest);
    CHECK(message_of([&] {
            stored_image(store, id, names, {{"linux", "riscv64", ""}});
          }) == "the image has no variant for linux/riscv64");
  }
}

TEST_CASE("an archive says nothing of an image that the store had before") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  ToPack lying = to_pack(image, {parse_reference("app:1")});
  lying.images.front().attachments = {{.manifest = {{"key", "lie"}}}, {{"x", "{}"}}};
  save_directory(store, {lying}, {}, folder / "layout");
  PullProgress progress;
  load_archive(store, folder / "layout", std::vector<Platform>{}, progress);
  CHECK(store.image_facts().attachments(image.id).empty());
}

TEST_CASE("every archive is as the specification has it") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image one = sample_image(store);
  const Image two = sample_image(store, "another");
  for (const bool docker : {false, true}) {
    for (const Compression compression :
         {Compression::gzip, Compression::zstd, Compression::none}) {
      SaveOptions options{.docker = docker, .pack = {}};
      options.pack.layers.compression = compression;
      const auto directory =
          folder / ("out" + std::to_string(docker) + std::to_string(static_cast<int>(compression)));
      save_directory(
          store,
          {to_pack(one, {parse_reference("team/app:1"), parse_reference("b")}), to_pack(two, {})},
          options, directory);
      std::map<std::string, std::string> files;
      for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
        if (!file.is_regular_file()) continue;
        const auto name = file.path().lexically_relative(folder / "").string();
        files[file.path().lexically_relative(directory).string()] = folder.read(name);
      }
      conformance::check_layout_files(files);
      CHECK(files.contains("manifest.json") == docker);
    }
  }
}
