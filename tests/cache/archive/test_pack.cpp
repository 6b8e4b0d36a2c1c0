// Images as others see them: what the manifest says, what it names, and that all of it can be had.
#include "pack_fixture.hpp"

#include <cache/archive/attestation.hpp>
#include <cache/archive/pack.hpp>
#include <cache/blobs.hpp>
#include <cache/layers/layer_blobs.hpp>

#include <map>

using namespace slipway;

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

TEST_CASE("a statement is read as what it says, with the predicate's own bytes") {
  const std::string predicate = "{ \"z\":1.50, \"a\":[\"\\u00e4,}\\\"\", -0]\n}";
  const std::string type = R"("_type":"https://in-toto.io/Statement/v1")";
  const std::string whole = " {" + type + ",\"predic\\u0061teType\" : \"x\",\"predicate\" :\t" +
                            predicate + " ,\"subject\":[{\"predicate\":1}]}\n";
  const auto read = read_statement(whole);
  REQUIRE(read);
  CHECK(read->predicate_type == "x");
  CHECK(read->predicate == predicate);
  const auto again = read_statement(write_statement(*read, sha256("m"), {}, host_platform()));
  REQUIRE(again);
  CHECK(again->predicate == predicate);

  const std::string with_type = "{" + type + ",\"predicateType\":\"x\"";
  for (const std::string& none :
       {std::string("{}"), std::string("[]"), std::string("\"{\""), with_type + "}",
        with_type + ",\"predicate\":1,\"predicate\":2}", with_type + ",\"predicate\":{}",
        "{" + type + ",\"predicateType\":1,\"predicate\":1}"}) {
    CAPTURE(none);
    CHECK_FALSE(read_statement(none));
  }
  // What no reader could go down or through.
  CHECK_FALSE(read_statement(with_type + ",\"predicate\":" + std::string(1'000'000, '[') +
                             std::string(1'000'000, ']') + "}"));
  std::string many = with_type + ",\"predicate\":{\"k\":0";
  for (int i = 0; i < 300'000; ++i) many += ",\"" + std::to_string(i) + "\":0";
  CHECK(read_statement(many + "}}"));
  CHECK_THROWS_AS(read_attestation_manifest(std::string(1'000'000, '[')), Error);
}
