// Images in and out of archives, by slipway alone.
#include "../temporary_folder.hpp"
#include "sample_image.hpp"

#include <cache/archive/load.hpp>
#include <cache/archive/save.hpp>
#include <cache/blobs.hpp>
#include <cache/images/manifest.hpp>
#include <cache/registry/pull.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <string>

using namespace slipway;

namespace {

std::string saved(Store& store, const std::vector<ToPack>& images, const SaveOptions& options) {
  std::string bytes;
  save_tar(store, images, options, [&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  return bytes;
}

std::string message_of(auto&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// A tar of files, in this order.
std::string tar_of(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string bytes;
  TarWriter tar([&](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  for (const auto& [path, text] : files) {
    Entry entry;
    entry.path = path;
    entry.mode = 0644;
    entry.size = text.size();
    tar.add(entry);
    tar.write(std::as_bytes(std::span(text)));
  }
  tar.finish();
  return bytes;
}

}  // namespace

TEST_CASE("an imported tar is one layer, with docker's history, and the same image each time") {
  const TemporaryFolder one;
  const TemporaryFolder two;
  Store first(one / "store");
  Store second(two / "store");
  const Image image = sample_image(first);
  CHECK(image.layers.size() == 1);
  CHECK(image.config.history ==
        std::vector<HistoryEntry>{{.created = "2023-11-14T22:13:20Z",
                                   .created_by = "",
                                   .author = "",
                                   .comment = "Imported from -",
                                   .empty_layer = false}});
  CHECK(image.config.created == "2023-11-14T22:13:20Z");
  CHECK(image.config.cmd == std::vector<std::string>{"tool", "--flag"});
  CHECK(sample_image(second).id == image.id);
  CHECK(first.layers().view(image.layers).find("etc/other")->hard_link == "etc/issue");
}

TEST_CASE("an image that was saved and loaded elsewhere is the same image, under its names") {
  const TemporaryFolder from;
  Store source(from / "store");
  const Image image = sample_image(source);
  const std::vector<Reference> names = {parse_reference("team/app:1"), parse_reference("app:2")};
  SaveOptions options;
  SUBCASE("OCI, gzip") {}
  SUBCASE("OCI, gzip at level 9") { options.pack.layers.level = 9; }
  SUBCASE("OCI, zstd") { options.pack.layers.compression = Compression::zstd; }
  SUBCASE("OCI, uncompressed") { options.pack.layers.compression = Compression::none; }
  SUBCASE("OCI layout, docker's types") { options.pack.oci_types = false; }
  SUBCASE("docker") {
    options.docker = true;
    options.pack.layers = docker_layers();
  }
  const std::vector<ToPack> images = {to_pack(image, names)};
  from.write("archive.tar", saved(source, images, options));
  save_directory(source, images, options, from / "layout");

  for (const char* place : {"archive.tar", "layout"}) {
    CAPTURE(place);
    const TemporaryFolder to;
    Store target(to / "store");
    PullProgress progress;
    const auto loaded = load_archive(target, from / place, host_platform(), progress);
    REQUIRE_FALSE(loaded.empty());
    CHECK(loaded.front().id == image.id);
    for (const Reference& name : names) CHECK(target.images().find(name)->id == image.id);
    CHECK(target.layers().view(image.layers).find("etc/issue")->uid == 5);
    CHECK(load_layout(target, from / place, "1", host_platform(), progress).id == image.id);
    CHECK_THROWS_AS(load_layout(target, from / place, "3", host_platform(), progress), Error);
  }
}

TEST_CASE("the same images give the same bytes, from whatever store they come") {
  const TemporaryFolder one;
  const TemporaryFolder two;
  Store first(one / "store");
  Store second(two / "store");
  const std::vector<ToPack> images = {to_pack(sample_image(first), {parse_reference("app:1")}),
                                      to_pack(sample_image(first, "another"), {})};
  sample_image(second, "another");
  sample_image(second);
  for (const bool docker : {false, true}) {
    for (const Compression compression :
         {Compression::none, Compression::gzip, Compression::zstd, Compression::gzip}) {
      SaveOptions options{.docker = docker, .pack = {}};
      options.pack.layers.compression = compression;
      CHECK(sha256(saved(first, images, options)) == sha256(saved(second, images, options)));
    }
  }
}

TEST_CASE("docker's older archives are read: members in folders of their own, links between them") {
  const TemporaryFolder state;
  Store store(state / "store");
  const Image image = sample_image(store);
  const std::string archive =
      tar_of({{"abc/layer.tar", sample_tar()},
              {"config.json", image.config_json},
              {"manifest.json",
               R"([{"Config":"config.json","RepoTags":["old:1"],"Layers":["abc/layer.tar"]}])"}});
  const TemporaryFolder other;
  other.write("old.tar", archive);
  Store target(other / "store");
  PullProgress progress;
  const auto loaded = load_archive(target, other / "old.tar", host_platform(), progress);
  CHECK(loaded.at(0).id == image.id);
  CHECK(target.images().get("old:1").id == image.id);
  // What came as it is, is kept gzipped.
  const auto blob = target.layers().blob(image.layers.front().diff_id);
  REQUIRE(blob);
  CHECK(target.blobs().size(*blob).value() < sample_tar().size());
}

TEST_CASE("an archive gives tags and no digests: nobody compared those with what they name") {
  const TemporaryFolder state;
  Store store(state / "store");
  const Image image = sample_image(store);
  const std::string pinned = "base@sha256:" + std::string(64, 'a');
  const std::string tagged = "base:1@sha256:" + std::string(64, 'a');
  const TemporaryFolder other;
  other.write("named.tar", tar_of({{"layer.tar", sample_tar()},
                                   {"config.json", image.config_json},
                                   {"manifest.json", R"([{"Config":"config.json","RepoTags":[")" +
                                                         pinned + R"(",")" + tagged +
                                                         R"("],"Layers":["layer.tar"]}])"}}));
  Store target(other / "store");
  PullProgress progress;
  load_archive(target, other / "named.tar", host_platform(), progress);
  CHECK(target.images().names(image.id) == std::vector{parse_reference("base:1")});
  CHECK(!target.images().find(parse_reference(pinned)));
}

TEST_CASE("an archive that lies is refused, and the store stays as it was") {
  const TemporaryFolder from;
  Store source(from / "store");
  const Image image = sample_image(source);
  const std::string layer = sample_tar();
  const std::string other = sample_tar("other");
  const std::string config_name = "blobs/sha256/" + image.id.hex();
  const Manifest manifest{
      .config = {.media_type = std::string(media_type::oci_config),
                 .digest = image.id,
                 .size = image.config_json.size(),
                 .platform = {},
                 .annotations = {}},
      .layers = {{.media_type = std::string(media_type::oci_layer),
                  .digest = sha256(layer),
                  .size = layer.size(),
                  .platform = {},
                  .annotations = {}}}};
  const std::string manifest_text = write_manifest(manifest);
  BlobDescriptor entry{.media_type = std::string(media_type::oci_manifest),
                       .digest = sha256(manifest_text),
                       .size = manifest_text.size(),
                       .platform = {},
                       .annotations = {}};
  std::vector<std::pair<std::string, std::string>> files = {
      {config_name, image.config_json},
      {"blobs/sha256/" + sha256(layer).hex(), layer},
      {"blobs/sha256/" + sha256(manifest_text).hex(), manifest_text},
      {"index.json", write_index({{entry}})}};
  std::string expected;

  SUBCASE("the honest one is taken") { expected = "no error"; }
  SUBCASE("a layer is another") {
    files[1].second = other;
    expected = "the layer's diffID is " + sha256(other).text() + ", not " + sha256(layer).text();
  }
  SUBCASE("a layer is missing") {
    files.erase(files.begin() + 1);
    expected = "the archive has no \"blobs/sha256/" + sha256(layer).hex() + "\"";
  }
  SUBCASE("the config is another") {
    files[0].second += " ";
    expected = "the archive's blob " + image.id.text() + " is damaged";
  }
  SUBCASE("the manifest is another") {
    files[2].second += " ";
    expected = "the archive's blob " + entry.digest.text() + " is damaged";
  }
  SUBCASE("a size is wrong") {
    entry.size += 1;
    files[3].second = write_index({{entry}});
    expected = "the archive's blob " + entry.digest.text() + " is damaged";
  }
  SUBCASE("the index is no JSON") {
    files[3].second = "{";
    expected = "the manifest is malformed: ";
  }
  SUBCASE("there is no index") {
    files.pop_back();
    expected = "\"" + (from / "lying.tar").string() + "\" is no image archive";
  }
  SUBCASE("it is cut off") {
    expected = "the archive is no tar, or damaged: ";
  }
  std::string bytes = tar_of(files);
  if (expected.starts_with("the archive is no tar")) bytes.resize(700);
  from.write("lying.tar", bytes);
  const TemporaryFolder to;
  {
    Store target(to / "store");
    PullProgress progress;
    const std::string message = message_of(
        [&] { load_archive(target, from / "lying.tar", host_platform(), progress); });
    CHECK(message.substr(0, expected.size()) == expected);
    CHECK(target.images().list().empty() == (expected != "no error"));
  }
}

TEST_CASE("members named like paths outside lead nowhere") {
  const TemporaryFolder folder;
  folder.write("secret.json", "{}");
  std::filesystem::create_directory(folder / "layout");
  SUBCASE("by name") {
    folder.write("layout/manifest.json", R"([{"Config":"../secret.json","Layers":[]}])");
  }
  SUBCASE("by symlink") {
    folder.write("layout/manifest.json", R"([{"Config":"config.json","Layers":[]}])");
    std::filesystem::create_symlink("../secret.json", folder / "layout/config.json");
  }
  SUBCASE("absolutely") {
    folder.write("layout/manifest.json", R"([{"Config":"/etc/passwd","Layers":[]}])");
  }
  Store store(folder / "store");
  PullProgress progress;
  CHECK(message_of([&] { load_archive(store, folder / "layout", host_platform(), progress); })
            .find("openat2") != std::string::npos);
}
