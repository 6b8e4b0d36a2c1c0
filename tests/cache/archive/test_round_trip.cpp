// Images that go out of one store and into another, and what stays with them.
#include "pack_fixture.hpp"

#include <cache/archive/save.hpp>

#include <map>

using namespace slipway;

namespace {

Image foreign_image(Store& store, const Image& image, const Platform& platform) {
  ImageConfig config = image.config;
  config.platform = platform;
  return store.images().find(store.images().put(write_image_config(config))).value();
}

}  // namespace

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

TEST_CASE("an uncompressed layer's size is measured, not believed") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  Manifest lie;
  lie.config = {.media_type = std::string(media_type::oci_config),
                .digest = image.id,
                .size = image.config_json.size(),
                .platform = {},
                .annotations = {}};
  BlobDescriptor layer;
  layer.media_type = media_type::oci_layer;
  layer.digest = image.layers.front().diff_id.digest;
  layer.size = 7;
  lie.layers = {layer};
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
  CHECK_FALSE(store.image_facts().manifest(image.id));
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

TEST_CASE("a layout that is there gets one more image, and keeps what others put into it") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image one = sample_image(store);
  const Image two = sample_image(store, "another");
  const auto save = [&](const Image& image, std::vector<Reference> names) {
    save_directory(store, {to_pack(image, std::move(names))}, {}, folder / "layout");
    return Json::parse(folder.read("layout/index.json"));
  };
  const Reference first = parse_reference("app:1");
  save(one, {first});
  CHECK(save(one, {first}).at("manifests").size() == 1);
  Json index = save(two, {parse_reference("app:2")});
  REQUIRE(index.at("manifests").size() == 2);
  // What nobody here knows stays.
  index["manifests"].push_back({{"mediaType", "x/y"}, {"digest", "sha512:1"}, {"size", 1}});
  index["annotations"]["by"] = "somebody";
  folder.write("layout/index.json", index.dump());
  CHECK(save(two, {}).at("manifests").size() == 4);
  index = save(two, {});  // the same without a name is there once
  REQUIRE(index.at("manifests").size() == 4);
  CHECK(index.at("annotations").at("by") == "somebody");
  CHECK(index.at("manifests").at(2).at("digest") == "sha512:1");
  // A name goes over to another image.
  index = save(two, {first});
  REQUIRE(index.at("manifests").size() == 4);
  CHECK(index.at("manifests").at(0).at("annotations").at("org.opencontainers.image.ref.name") ==
        "2");
  CHECK(index.at("manifests").at(3).at("annotations").at("org.opencontainers.image.ref.name") ==
        "1");

  for (const std::string& wrong :
       {std::string("[]"), std::string("{\"manifests\":1}"), std::string(100'000, '[')}) {
    folder.write("layout/index.json", wrong);
    CHECK_THROWS_AS(save(one, {first}), Error);
    CHECK(folder.read("layout/index.json") == wrong);
  }
}

TEST_CASE("indexes that list each other again and again are not followed for ever") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Image image = sample_image(store);
  save_directory(store, {to_pack(image, {})}, {}, folder / "layout");
  const auto put = [&](const std::string& text) {
    folder.write("layout/blobs/sha256/" + sha256(text).hex(), text);
    return BlobDescriptor{.media_type = std::string(media_type::oci_index),
                          .digest = sha256(text),
                          .size = text.size(),
                          .platform = {},
                          .annotations = {}};
  };
  ImageIndex index;
  for (int depth = 0; depth < 3; ++depth) {
    ImageIndex above;
    const BlobDescriptor entry = put(write_index(index));
    above.manifests.assign(900, entry);
    index = above;
  }
  folder.write("layout/index.json", write_index(index));
  Elsewhere elsewhere;
  CHECK(message_of([&] { elsewhere.load(folder / "layout"); }) ==
        "the archive lists more than 2000 images");
  CHECK(elsewhere.store.images().list().empty());
}
