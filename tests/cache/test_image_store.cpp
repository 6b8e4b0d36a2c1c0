#include "child_process.hpp"
#include "store_fixture.hpp"
#include "temporary_folder.hpp"

#include <cache/database.hpp>
#include <cache/images/store.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

using namespace slipway;

namespace {

struct TestImages {
  TemporaryFolder folder;
  Database database{folder / "slipway.db"};
  ImageStore images{database};

  std::string config(const std::vector<LayerRef>& layers, const std::string& created,
                     const std::string& user = "") {
    ImageConfig config;
    config.created = created;
    config.platform = {"linux", "amd64", ""};
    config.user = user;
    for (const LayerRef& layer : layers) config.diff_ids.push_back(layer.diff_id);
    return write_image_config(config);
  }
  Digest put(const std::string& name, const std::string& created) {
    return images.put(config({add_layer(database, name)}, created));
  }
};

std::string hint_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return std::string(error.what()) + " / " + error.diagnostics().front().hint;
  }
  return "";
}

}  // namespace

TEST_CASE("an image is found by name, by ID and by the ID's beginning") {
  TestImages test;
  const LayerRef below = add_layer(test.database, "below", 70);
  const LayerRef above = add_layer(test.database, "above", 7);
  const std::string json = test.config({below, above}, "2026-01-02T03:04:05Z", "app");
  const Digest id = test.images.put(json);
  CHECK(id == sha256(json));
  CHECK(test.images.put(json) == id);  // once more changes nothing
  test.images.tag(parse_reference("app:1"), id);
  test.images.tag(parse_reference("localhost:5000/app"), id);

  for (const std::string& name :
       {std::string("app:1"), std::string("docker.io/library/app:1"), id.text(), id.hex(),
        id.hex().substr(0, 12), "sha256:" + id.hex().substr(0, 7)}) {
    CAPTURE(name);
    const Image image = test.images.get(name);
    CHECK(image.id == id);
    CHECK(image.config.user == "app");
    CHECK(image.layers == LayerStack{below, above});
    CHECK(image.size == 77);
    CHECK(image.created == 1767323045);
    REQUIRE(image.names.size() == 2);
    CHECK(image.names[0].familiar() == "app:1");
  }
  CHECK_FALSE(test.images.find(parse_reference("app:2")));
  CHECK_FALSE(test.images.find(sha256("another")));
}

TEST_CASE("an image may hold one layer twice") {
  TestImages test;
  const LayerRef empty = add_layer(test.database, "empty", 5);
  const Digest id = test.images.put(test.config({empty, empty}, ""));
  CHECK(test.images.find(id)->layers == LayerStack{empty, empty});
  CHECK(test.images.list().front().size == 10);
}

TEST_CASE("a config whose layers are not in the store is refused") {
  TestImages test;
  const LayerRef absent{DiffId{sha256("absent")}, {}, 0};
  CHECK_THROWS_AS((void)test.images.put(test.config({absent}, "")), Error);
  CHECK_THROWS_AS((void)test.images.put("{}"), Error);
  CHECK_THROWS_AS(test.images.tag(parse_reference("app"), sha256("nothing")), Error);
  CHECK(test.images.list().empty());
}

TEST_CASE("a name moves to the image it was given last; the other one stays, without it") {
  TestImages test;
  const Digest first = test.put("first", "2026-01-01T00:00:00Z");
  const Digest second = test.put("second", "2026-01-02T00:00:00Z");
  test.images.tag(parse_reference("app"), first);
  test.images.tag(parse_reference("app:latest"), second);
  CHECK(test.images.find(parse_reference("app"))->id == second);
  const auto list = test.images.list();
  REQUIRE(list.size() == 2);
  CHECK(list[0].id == second);
  CHECK(list[0].names.size() == 1);
  CHECK(list[1].names.empty());
}

TEST_CASE("untagging gives what the name stood for; only an image without names goes quietly") {
  TestImages test;
  const Digest id = test.put("layer", "");
  const Reference name = parse_reference("app@" + sha256("manifest").text());
  test.images.tag(name, id);
  CHECK_FALSE(test.images.untag(parse_reference("other")));
  CHECK_FALSE(test.images.remove_unnamed(id));
  CHECK(test.images.untag(name) == id);
  CHECK_FALSE(test.images.untag(name));
  CHECK(test.images.remove_unnamed(id));
  CHECK_FALSE(test.images.remove_unnamed(id));
  CHECK(test.images.list().empty());

  const Digest again = test.images.put(test.config({}, ""));
  test.images.tag(parse_reference("app"), again);
  test.images.remove(again);
  CHECK_FALSE(test.images.find(parse_reference("app")));
}

TEST_CASE("a name that is not there is an Error that helps") {
  TestImages test;
  CHECK(hint_of([&] { (void)test.images.get("debain"); }).find("slipway images") !=
        std::string::npos);
  test.images.tag(parse_reference("debian"), test.put("layer", ""));
  CHECK(hint_of([&] { (void)test.images.get("debain:latest"); }).find("debian:latest") !=
        std::string::npos);
  CHECK(hint_of([&] { (void)test.images.get("not a name"); }).find("not an image reference") !=
        std::string::npos);
  CHECK(hint_of([&] { (void)test.images.get(""); }) != "");
}

TEST_CASE("the beginning of several IDs names none of them") {
  TestImages test;
  for (int i = 0; i < 40; ++i)
    test.images.put(test.config({}, "", std::to_string(i)));  // 40 of 16: two begin alike
  std::map<char, int> count;
  for (const ImageSummary& image : test.images.list()) ++count[image.id.hex()[0]];
  const auto common =
      std::find_if(count.begin(), count.end(), [](const auto& entry) { return entry.second > 1; });
  REQUIRE(common != count.end());
  CHECK(hint_of([&] { (void)test.images.get(std::string(1, common->first)); })
            .find("several images") != std::string::npos);
}

TEST_CASE("an image that lost a layer says so, and can still be removed") {
  TestImages test;
  const LayerRef layer = add_layer(test.database, "layer");
  const Digest id = test.images.put(test.config({layer}, ""));
  test.images.tag(parse_reference("app"), id);
  remove_layer(test.database, layer);
  CHECK(hint_of([&] { (void)test.images.get("app"); }).find("lost its layer") !=
        std::string::npos);
  CHECK_THROWS_AS((void)test.images.find(parse_reference("app")), LostLayer);
  CHECK(test.images.resolve("app") == id);
  test.images.remove(id);
  CHECK(test.images.list().empty());
}

TEST_CASE("two processes tag in one store, and each sees what the other did") {
  TestImages test;
  const Digest id = test.put("layer", "");
  const auto tag_many = [&](const std::string& prefix) {
    Database database(test.folder / "slipway.db");
    ImageStore images(database);
    for (int i = 0; i < 40; ++i) images.tag(parse_reference(prefix + std::to_string(i)), id);
    return true;
  };
  ChildProcess first([&](const ChildProcess&) { return tag_many("first"); });
  ChildProcess second([&](const ChildProcess&) { return tag_many("second"); });
  CHECK(first.succeeded());
  CHECK(second.succeeded());
  CHECK(test.images.names(id).size() == 80);
}

namespace {

// One image for each platform, of a layer that they share and one of their own.
struct TestPlatforms : TestImages {
  LayerRef shared = add_layer(database, "shared", 100);

  Digest put_for(const Platform& platform, const std::string& created = "2026-01-02T03:04:05Z") {
    ImageConfig config;
    config.created = created;
    config.platform = platform;
    config.diff_ids = {shared.diff_id, add_layer(database, platform.text() + created, 10).diff_id};
    return images.put(write_image_config(config));
  }
  Digest amd64 = put_for({"linux", "amd64", ""});
  Digest arm64 = put_for({"linux", "arm64", ""}, "2026-02-02T03:04:05Z");
  Reference app = parse_reference("app:1");
};

}  // namespace

TEST_CASE("an index is one name for the images of several platforms") {
  TestPlatforms test;
  ImageStore& images = test.images;
  const Digest index = images.put_index({test.amd64, test.arm64});
  CHECK(images.put_index({test.amd64, test.arm64}) == index);
  CHECK(images.put_index({test.arm64, test.amd64}) != index);
  images.tag(test.app, index);
  CHECK(images.resolve("app:1") == index);
  CHECK(images.resolve(index.hex().substr(0, 12)) == index);
  CHECK(images.names(index) == std::vector<Reference>{test.app});
  REQUIRE(images.find_index(index).has_value());
  CHECK(images.find_index(index)->images[1].id == test.arm64);
  CHECK_FALSE(images.find_index(test.amd64).has_value());

  CHECK(images.find(test.app, Platform{"linux", "arm64", ""})->id == test.arm64);
  CHECK(images.find(test.app, Platform{"linux", "arm64", "v9"})->id == test.arm64);
  CHECK_FALSE(images.find(test.app, Platform{"linux", "s390x", ""}).has_value());
  CHECK(images.find(test.app)->config.platform == host_platform());

  // A row for both, with what they share counted once.
  images.remove_unnamed(images.put_index({test.arm64, test.amd64}));
  const std::vector<ImageSummary> list = images.list();
  REQUIRE(list.size() == 1);
  CHECK(list[0].id == index);
  CHECK(list[0].is_index);
  CHECK(list[0].size == 120);
  CHECK(list[0].created == images.find(test.arm64)->created);
  CHECK(list[0].names == std::vector<Reference>{test.app});

  // A name that an image has of its own is shown beside it.
  images.tag(parse_reference("arm:1"), test.arm64);
  CHECK(images.list().size() == 2);
}

TEST_CASE("with the last name of an index its images go, but for those that others need") {
  TestPlatforms test;
  ImageStore& images = test.images;
  const Digest index = images.put_index({test.amd64, test.arm64});
  images.tag(test.app, index);
  images.tag(parse_reference("arm:1"), test.arm64);
  CHECK_FALSE(images.remove_unnamed(index));
  CHECK_FALSE(images.remove_unnamed(test.amd64));  // it belongs to the index
  CHECK(images.untag(test.app) == index);
  CHECK(images.remove_unnamed(index));
  CHECK_FALSE(images.find(test.amd64).has_value());
  CHECK(images.find(test.arm64).has_value());
  CHECK_FALSE(images.find_index(index).has_value());
}

TEST_CASE("a name moves between images and indexes") {
  TestPlatforms test;
  ImageStore& images = test.images;
  const Digest index = images.put_index({test.amd64, test.arm64});
  images.tag(test.app, test.amd64);
  images.tag(test.app, index);
  CHECK(images.resolve("app:1") == index);
  CHECK(images.names(test.amd64).empty());
  images.tag(test.app, test.arm64);
  CHECK(images.resolve("app:1") == test.arm64);
  CHECK(images.names(index).empty());
}

TEST_CASE("what is pulled for another platform stands beside what a name has") {
  TestPlatforms test;
  ImageStore& images = test.images;
  images.tag_platform(test.app, test.amd64);
  CHECK(images.resolve("app:1") == test.amd64);
  images.tag_platform(test.app, test.arm64);
  CHECK(images.find(test.app, Platform{"linux", "amd64", ""})->id == test.amd64);
  CHECK(images.find(test.app, Platform{"linux", "arm64", ""})->id == test.arm64);

  // A newer one takes the place of its own platform's, and the index of before is gone.
  const Digest newer = test.put_for({"linux", "arm64", ""}, "2026-03-02T03:04:05Z");
  const Digest before = images.resolve("app:1");
  images.tag_platform(test.app, newer);
  CHECK(images.find(test.app, Platform{"linux", "arm64", ""})->id == newer);
  CHECK(images.find(test.app, Platform{"linux", "amd64", ""})->id == test.amd64);
  CHECK_FALSE(images.find_index(before).has_value());
  CHECK(images.find(test.arm64).has_value());
  CHECK(images.list().size() == 2);

  // Once more changes nothing.
  images.tag_platform(test.app, newer);
  images.tag_platform(test.app, test.amd64);
  CHECK(images.find_index(images.resolve("app:1"))->images.size() == 2);
  CHECK(images.find(test.app, Platform{"linux", "arm64", ""})->id == newer);
}

TEST_CASE("removing an image takes the indexes that it belongs to") {
  TestPlatforms test;
  const Digest index = test.images.put_index({test.amd64, test.arm64});
  test.images.tag(test.app, index);
  test.images.remove(test.arm64);
  CHECK_FALSE(test.images.find_index(index).has_value());
  CHECK_FALSE(test.images.find(test.app).has_value());
  CHECK(test.images.find(test.amd64).has_value());
}
