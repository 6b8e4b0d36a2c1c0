#include <executor/export/export.hpp>

#include "../../cache/archive/sample_image.hpp"
#include "../../cache/temporary_folder.hpp"
#include "layers_fixture.hpp"

#include <cache/archive/load.hpp>
#include <cache/layers/tar_reader.hpp>
#include <cache/registry/pull.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

LayerStack sample_layers(Store& store) {
  Entry link = file("bin/link", 04755);  // a name has its file's mode
  link.hard_link = "bin/a";
  const LayerRef lower =
      add_layer(store, {directory("bin"), file("bin/a", 04755), file("bin/gone"), link,
                        directory("locked", 0500), file("locked/inside", 0400)});
  const LayerRef upper =
      add_layer(store, {directory("bin"), whiteout("bin/gone"), soft_link("bin/sym", "/etc/passwd"),
                        directory("etc"), file("etc/new")});
  return {lower, upper};
}

std::string config_of(const LayerStack& layers) {
  ImageConfig config;
  config.platform = host_platform();
  for (const LayerRef& layer : layers) config.diff_ids.push_back(layer.diff_id);
  return write_image_config(config);
}

Exported image_of(const LayerStack& layers) {
  Exported exported;
  exported.images.push_back({host_platform(), config_of(layers), layers});
  return exported;
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

TEST_CASE("an output is named as for docker") {
  using Kind = ExportSpec::Kind;
  CHECK(parse_export("out").kind == Kind::local);
  CHECK(parse_export("out").destination == "out");
  CHECK(parse_export("-").kind == Kind::tar);
  CHECK(parse_export("type=tar,dest=a.tar").destination == "a.tar");
  CHECK(parse_export("type=oci,dest=dir,tar=false").as_tar == false);
  CHECK(parse_export("type=oci,dest=dir,tar=F").as_tar == false);
  CHECK(parse_export("type=oci,dest=x,tar=True").as_tar);
  CHECK(parse_export("type=docker").kind == Kind::image);
  CHECK(parse_export("type=image,\"name=a:1,b:2\"").names == std::vector<std::string>{"a:1", "b:2"});
  CHECK(parse_export("type=oci,compression=zstd").layers->compression == Compression::zstd);
  const ExportSpec all = parse_export(
      "type=registry,name=a,compression=zstd,compression-level=19,force-compression,"
      "oci-mediatypes=false,oci-artifact=0,rewrite-timestamp=true,squash=base,push-by-digest=true,"
      "store=true,unpack=false,annotation.k=v");
  CHECK(all.kind == Kind::image);
  CHECK(all.push);
  CHECK(all.push_by_digest);
  CHECK(all.layers == LayerFormat{Compression::zstd, 19, true});
  CHECK_FALSE(all.oci_types);
  CHECK_FALSE(all.oci_artifacts);
  CHECK(all.rewrite_timestamp);
  CHECK(all.squash == ExportSpec::Squash::base);
  CHECK(all.annotations == parse_annotations({"k=v"}));
  CHECK(parse_export("type=image,push=true").push);
  for (const char* wrong :
       {"type=image,compression-level=13", "type=image,compression-level=x",
        "type=image,compression=zstd,compression-level=23", "type=image,compression=estargz",
        "type=image,compression=uncompressed,compression-level=1", "type=image,squash=two",
        "type=oci,push=true", "type=local,dest=x,squash=all", "type=tar,compression=gzip",
        "type=image,annotation-layer.k=v"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_export(wrong), Error);
  }
  for (const char* wrong : {"", "type=local", "type=nothing,dest=x", "type=oci,speed=9",
                            "dest=x,\"type=tar", "type=oci,tar=maybe", "type=oci,tar=false"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_export(wrong), Error);
  }
}

TEST_CASE("a directory gets the files as the topmost layers have them") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const LayerStack layers = sample_layers(store);
  fs::create_directories(folder / "out/etc");
  folder.write("out/etc/new", "older");
  folder.write("out/kept", "mine");
  export_result({.kind = ExportSpec::Kind::local, .destination = folder / "out"},
                image_of(layers), store);

  CHECK(folder.read("out/bin/a") == "bin/a");
  CHECK_FALSE(fs::exists(folder / "out/bin/gone"));
  CHECK(fs::read_symlink(folder / "out/bin/sym") == "/etc/passwd");
  CHECK(fs::hard_link_count(folder / "out/bin/link") == 2);
  CHECK(folder.read("out/etc/new") == "etc/new");
  CHECK(folder.read("out/kept") == "mine");
  struct stat status {};
  REQUIRE(::stat((folder / "out/bin/a").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 04755U);
  CHECK(status.st_mtime == 1'600'000'000);
  REQUIRE(::stat((folder / "out/locked").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0500U);
  CHECK(status.st_mtime == 1'600'000'000);
}

TEST_CASE("links in the output directory lead no file out of it") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const LayerStack layers = sample_layers(store);
  fs::create_directories(folder / "outside");
  folder.write("outside/new", "untouched");
  folder.write("outside/a", "untouched");
  fs::create_directories(folder / "out/bin");
  fs::create_directory_symlink(folder / "outside", folder / "out/etc");
  fs::create_symlink(folder / "outside/a", folder / "out/bin/a");
  export_result({.kind = ExportSpec::Kind::local, .destination = folder / "out"},
                image_of(layers), store);
  CHECK(folder.read("outside/new") == "untouched");
  CHECK(folder.read("outside/a") == "untouched");
  CHECK(fs::is_directory(fs::symlink_status(folder / "out/etc")));
  CHECK(folder.read("out/etc/new") == "etc/new");
  CHECK(folder.read("out/bin/a") == "bin/a");
}

TEST_CASE("links in the image lead no file out of the output directory") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  fs::create_directories(folder / "outside");
  const LayerRef lower = add_layer(store, {soft_link("way", (folder / "outside").string())});
  const LayerRef upper = add_layer(store, {directory("way"), file("way/file")});
  export_result({.kind = ExportSpec::Kind::local, .destination = folder / "out"},
                image_of({lower, upper}), store);
  CHECK(folder.read("out/way/file") == "way/file");
  CHECK(fs::is_empty(folder / "outside"));
}

TEST_CASE("a directory with something in it is not removed for a file") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const LayerStack layers = sample_layers(store);
  fs::create_directories(folder / "out/etc/new/mine");
  CHECK(message_of([&] {
          export_result({.kind = ExportSpec::Kind::local, .destination = folder / "out"},
                        image_of(layers), store);
        }).find("etc/new") != std::string::npos);
  CHECK(fs::exists(folder / "out/etc/new/mine"));
}

TEST_CASE("the tar of the files is the merged tree, and always the same bytes") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const LayerStack layers = sample_layers(store);
  for (const char* name : {"one.tar", "two.tar"}) {
    export_result({.kind = ExportSpec::Kind::tar, .destination = folder / name},
                  image_of(layers), store);
  }
  const std::string bytes = folder.read("one.tar");
  CHECK(bytes == folder.read("two.tar"));
  TextSource source(bytes);
  TarReader reader(source, {});
  std::map<std::string, Entry::Type> found;
  while (const auto entry = reader.next()) found[entry->entry.path] = entry->entry.type;
  using Type = Entry::Type;
  CHECK(found == std::map<std::string, Type>{{"bin", Type::directory},
                                             {"bin/a", Type::file},
                                             {"bin/link", Type::file},
                                             {"bin/sym", Type::symlink},
                                             {"etc", Type::directory},
                                             {"etc/new", Type::file},
                                             {"locked", Type::directory},
                                             {"locked/inside", Type::file}});
}

TEST_CASE("both kinds of image archive hold the image, under all its names") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const LayerStack layers = sample_layers(store);
  const std::string config = config_of(layers);
  ExportSpec spec{.kind = ExportSpec::Kind::oci, .destination = folder / "out"};
  spec.names = {"also:2"};
  SUBCASE("oci") {}
  SUBCASE("oci, uncompressed") { spec.layers = {.compression = Compression::none}; }
  SUBCASE("oci, a directory") { spec.as_tar = false; }
  SUBCASE("docker") { spec.kind = ExportSpec::Kind::docker; }
  Exported exported = image_of(layers);
  exported.names = {parse_reference("app:1")};
  const auto manifest = export_result(spec, exported, store);
  REQUIRE(manifest.has_value());
  CHECK(manifest->media_type == media_type::oci_manifest);
  const TemporaryFolder other;
  Store target(other / "store");
  PullProgress progress;
  load_archive(target, folder / "out", host_platform(), progress);
  CHECK(target.images().get("app:1").id == sha256(config));
  CHECK(target.images().get("also:2").id == sha256(config));
}

TEST_CASE("a file that could not be written whole is not there") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  LayerStack layers = sample_layers(store);
  const std::string config = config_of({layers[0], {DiffId{sha256("none")}, {}, 0}});
  CHECK_THROWS_AS(export_result({.kind = ExportSpec::Kind::oci, .destination = folder / "out.tar"},
                                {{{{"linux", "amd64", ""}, config, layers}}}, store),
                  Error);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    names.push_back(entry.path().filename().string());
  }
  CHECK(names == std::vector<std::string>{"store"});
}

TEST_CASE("the files of several platforms go into a directory each") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const LayerStack small = {add_layer(store, {directory("bin"), file("bin/arm")})};
  Exported both = image_of(sample_layers(store));
  both.images.front().platform = {"linux", "amd64", ""};
  both.images.push_back({{"linux", "arm", "v7"}, config_of(small), small});
  both.several = true;
  ExportSpec spec{.kind = ExportSpec::Kind::local, .destination = folder / "out"};
  export_result(spec, both, store);
  CHECK(folder.read("out/linux_amd64/bin/a") == "bin/a");
  CHECK(folder.read("out/linux_arm_v7/bin/arm") == "bin/arm");

  spec = {.kind = ExportSpec::Kind::tar, .destination = folder / "out.tar"};
  export_result(spec, both, store);
  const std::string bytes = folder.read("out.tar");
  TextSource source(bytes);
  TarReader reader(source, {});
  std::vector<std::string> paths;
  std::string link;
  while (const auto entry = reader.next()) {
    paths.push_back(entry->entry.path);
    if (entry->entry.path == "linux_amd64/bin/link") link = entry->entry.hard_link;
  }
  CHECK(paths == std::vector<std::string>{
                     "linux_amd64", "linux_amd64/bin", "linux_amd64/bin/a", "linux_amd64/bin/link",
                     "linux_amd64/bin/sym", "linux_amd64/etc", "linux_amd64/etc/new",
                     "linux_amd64/locked", "linux_amd64/locked/inside", "linux_arm_v7",
                     "linux_arm_v7/bin", "linux_arm_v7/bin/arm"});
  CHECK(link == "linux_amd64/bin/a");

  // In one directory, as long as they do not meet.
  spec.platform_split = false;
  spec.kind = ExportSpec::Kind::local;
  spec.destination = folder / "flat";
  export_result(spec, both, store);
  CHECK(folder.read("flat/bin/a") == "bin/a");
  CHECK(folder.read("flat/bin/arm") == "bin/arm");
  both.images.back().layers = both.images.front().layers;
  CHECK(message_of([&] { export_result(spec, both, store); }) ==
        "both linux/amd64 and linux/arm/v7 have \"bin/a\"");
}

TEST_CASE("an archive of several platforms is an index, and docker's has no place for one") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const LayerStack layers = sample_layers(store);
  Exported both = image_of(layers);
  ImageConfig foreign = read_image_config(both.images.front().config);
  foreign.platform = {"linux", "s390x", ""};
  both.images.push_back({foreign.platform, write_image_config(foreign), layers});
  both.several = true;
  both.names = {parse_reference("app:1")};
  ExportSpec spec{.kind = ExportSpec::Kind::oci, .destination = folder / "out.tar"};
  const auto index = export_result(spec, both, store);
  REQUIRE(index.has_value());
  CHECK(index->media_type == media_type::oci_index);

  for (const Platform& platform : {host_platform(), foreign.platform}) {
    const TemporaryFolder other;
    Store target(other / "store");
    PullProgress progress;
    load_archive(target, folder / "out.tar", platform, progress);
    CHECK(target.images().get("app:1").config.platform == platform);
  }
  spec.kind = ExportSpec::Kind::docker;
  CHECK_THROWS_AS(export_result(spec, both, store), Error);
}
