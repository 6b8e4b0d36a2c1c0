// Squashed layers, and layers with other times.
#include <executor/export/shape.hpp>

#include "../../cache/archive/sample_image.hpp"
#include "../../cache/temporary_folder.hpp"
#include "layers_fixture.hpp"

#include <executor/export/merged.hpp>

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

using namespace slipway;

namespace {

// What is seen at each path: its type, and what it holds.
std::map<std::string, std::string> files_of(Store& store, const LayerStack& layers) {
  std::map<std::string, std::string> files;
  const StackView view = store.layers().view(layers);
  walk_merged(view, [&](const Entry& entry) {
    std::string what = std::to_string(static_cast<int>(entry.type)) + " " +
                       std::to_string(entry.mode) + " " + entry.link_target + entry.hard_link + " ";
    if (entry.type == Entry::Type::file) {
      read_merged(view, entry, [&](std::span<const std::byte> bytes) {
        what.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      });
    }
    files[entry.path] = what;
  });
  return files;
}

// Three layers above a base of one: files that come, change, go, and come again.
Exported sample(Store& store) {
  Entry link = file("bin/link", 04755);
  link.hard_link = "bin/a";
  Entry fresh = directory("old");
  fresh.opaque = true;
  const LayerStack layers = {
      add_layer(store, {directory("bin"), file("bin/a", 04755), link, directory("gone"),
                        file("gone/x"), directory("kept"), file("kept/x"), directory("old"),
                        file("old/x"), file("turns")}),
      add_layer(store, {whiteout("gone"), directory("new"), file("new/x"), fresh, file("old/y")}),
      add_layer(store, {directory("kept"), whiteout("kept/x"), directory("new"), whiteout("new/x"),
                        directory("turns"), file("turns/x")}),
      add_layer(store, {directory("bin"), file("bin/b"), directory("new"), soft_link("new/s", "x")})};
  ImageConfig config;
  config.platform = host_platform();
  config.created = "2020-01-01T00:00:00Z";
  for (const LayerRef& layer : layers) config.diff_ids.push_back(layer.diff_id);
  for (int i = 0; i < 4; ++i) {
    config.history.push_back({.created = "2020-01-01T00:00:00Z",
                              .created_by = "step " + std::to_string(i),
                              .author = {},
                              .comment = {},
                              .empty_layer = false});
  }
  Exported exported;
  exported.images.push_back({host_platform(), write_image_config(config), layers, 1});
  return exported;
}

std::vector<std::string> whiteouts_of(Store& store, const LayerRef& layer) {
  std::vector<std::string> paths;
  const auto index = store.layers().index(layer.diff_id);
  for (std::size_t i = 0; i < index->size(); ++i) {
    if (index->type(i) == Entry::Type::whiteout) paths.emplace_back(index->path(i));
  }
  return paths;
}

}  // namespace

TEST_CASE("squashed to the base image, the layers above it are one, and the files are the same") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Exported plain = sample(store);
  const ExportSpec spec{.squash = ExportSpec::Squash::base};
  const ExportedImage squashed = shaped(spec, plain, store).images.front();
  REQUIRE(squashed.layers.size() == 2);
  CHECK(squashed.layers[0] == plain.images.front().layers[0]);
  CHECK(files_of(store, squashed.layers) == files_of(store, plain.images.front().layers));
  // What the base image never had needs no mark.
  CHECK(whiteouts_of(store, squashed.layers[1]) ==
        std::vector<std::string>{"gone", "kept/x", "old/x"});

  const ImageConfig config = read_image_config(squashed.config);
  CHECK(config.diff_ids == std::vector{squashed.layers[0].diff_id, squashed.layers[1].diff_id});
  REQUIRE(config.history.size() == 5);
  CHECK_FALSE(config.history[0].empty_layer);
  for (int i = 1; i < 4; ++i) CHECK(config.history[static_cast<std::size_t>(i)].empty_layer);
  CHECK(config.history[4].comment == "merge " + sha256(plain.images.front().config).text());
  CHECK(config.history[4].created == "2020-01-01T00:00:00Z");
  CHECK(shaped(spec, plain, store).images.front().config == squashed.config);
}

TEST_CASE("squashed whole, an image is one layer without a mark of what is gone") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  const Exported plain = sample(store);
  const ExportedImage squashed =
      shaped({.squash = ExportSpec::Squash::all}, plain, store).images.front();
  REQUIRE(squashed.layers.size() == 1);
  CHECK(files_of(store, squashed.layers) == files_of(store, plain.images.front().layers));
  CHECK(whiteouts_of(store, squashed.layers[0]).empty());
  const ImageConfig config = read_image_config(squashed.config);
  CHECK(config.history.at(4).comment ==
        "create new from " + sha256(plain.images.front().config).text());
  CHECK(config.history.at(0).empty_layer);
}

TEST_CASE("names of one file stay one file where the first of them is gone or changed") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  std::vector<Entry> linked;
  for (const std::string group : {"gone", "kept", "new"}) {
    linked.push_back(directory(group));
    linked.push_back(file(group + "/a"));
    for (const char* name : {"/b", "/c", "/d"}) {
      linked.push_back(file(group + name));
      linked.back().hard_link = group + "/a";
    }
  }
  const LayerStack layers = {
      add_layer(store, {directory("base"), file("base/x")}), add_layer(store, linked),
      // "new/a" has the same bytes and is another file all the same.
      add_layer(store, {directory("gone"), whiteout("gone/a"), directory("kept"), file("kept/c"),
                        directory("new"), file("new/a")})};
  ImageConfig config;
  config.platform = host_platform();
  for (const LayerRef& layer : layers) config.diff_ids.push_back(layer.diff_id);
  Exported exported;
  exported.images.push_back({host_platform(), write_image_config(config), layers, 1});
  const auto links_of = [&](const LayerStack& stack) {
    std::map<std::string, std::string> links;
    walk_merged(store.layers().view(stack), [&](const Entry& entry) {
      if (!entry.hard_link.empty()) links[entry.path] = entry.hard_link;
    });
    return links;
  };
  const std::map<std::string, std::string> links = {{"gone/c", "gone/b"}, {"gone/d", "gone/b"},
                                                    {"kept/b", "kept/a"}, {"kept/d", "kept/a"},
                                                    {"new/c", "new/b"},   {"new/d", "new/b"}};
  CHECK(links_of(layers) == links);
  for (const auto squash : {ExportSpec::Squash::base, ExportSpec::Squash::all}) {
    const LayerStack squashed = shaped({.squash = squash}, exported, store).images.front().layers;
    CHECK(links_of(squashed) == links);
    CHECK(files_of(store, squashed) == files_of(store, layers));
  }
}

TEST_CASE("one layer above the base image is left as it is by a squash") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  Exported plain = sample(store);
  plain.images.front().base_layers = 3;
  const ExportSpec spec{.squash = ExportSpec::Squash::base};
  CHECK(shaped(spec, plain, store).images.front().config == plain.images.front().config);
}

TEST_CASE("times after the epoch become it, but not those of the base image") {
  const TemporaryFolder folder;
  Store store(folder / "store");
  Exported plain = sample(store);  // its files are of 1,600,000,000
  const auto times_of = [&](const LayerRef& layer) {
    std::vector<std::int64_t> times;
    const auto index = store.layers().index(layer.diff_id);
    for (std::size_t i = 0; i < index->size(); ++i) times.push_back(index->entry(i).mtime);
    return times;
  };
  const ExportSpec spec{.rewrite_timestamp = true};
  CHECK(shaped(spec, plain, store).images.front().config == plain.images.front().config);

  plain.epoch = 1'500'000'000;
  const ExportedImage rewritten = shaped(spec, plain, store).images.front();
  CHECK(rewritten.layers[0] == plain.images.front().layers[0]);
  for (std::size_t i = 1; i < rewritten.layers.size(); ++i) {
    CHECK(rewritten.layers[i].diff_id != plain.images.front().layers[i].diff_id);
    CHECK(rewritten.layers[i].tree == plain.images.front().layers[i].tree);
    for (const std::int64_t time : times_of(rewritten.layers[i])) CHECK(time <= 1'500'000'000);
    CHECK(read_image_config(rewritten.config).diff_ids[i] == rewritten.layers[i].diff_id);
  }
  // Earlier times say something, and stay.
  plain.epoch = 1'700'000'000;
  CHECK(shaped(spec, plain, store).images.front().config == plain.images.front().config);
}
