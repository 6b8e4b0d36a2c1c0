#include "temporary_folder.hpp"

#include <cache/blobs.hpp>
#include <cache/fsck.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <string>

using namespace slipway;

namespace {

// A store with two layers, an image of each, a record and a blob.
struct Furnished {
  TemporaryFolder folder;
  std::filesystem::path root = folder / "state";
  LayerRef sound;
  LayerRef other;
  Digest image;
  Digest other_image;
  CacheKey key;

  Furnished() {
    Store store(root);
    sound = layer(store, "sound");
    other = layer(store, "other");
    image = store.images().put(config_of(sound));
    other_image = store.images().put(config_of(other));
    store.images().tag(parse_reference("app:1"), other_image);
    const KeyParts parts = {{"step", "other"}};
    key = cache_key(parts);
    store.records().put({key, parts, other, 1, 1, 1, "RUN other"});
    store.blobs().put("a blob");
    store.sync();
  }

  static LayerRef layer(Store& store, const std::string& content) {
    Staging staging = store.layers().stage();
    std::ofstream(staging.upper() / "file") << content;
    const BuiltLayer built = index_upper(staging.upper(), StackView({}));
    return store.layers().commit(std::move(staging), built);
  }

  static std::string config_of(const LayerRef& layer) {
    ImageConfig config;
    config.diff_ids = {layer.diff_id};
    return write_image_config(config);
  }

  std::filesystem::path tree(const LayerRef& layer) const {
    return root / "layers" / layer.diff_id.hex();
  }
};

bool mentions(const StoreCheck& check, const std::string& text) {
  return std::any_of(check.problems.begin(), check.problems.end(), [&](const std::string& problem) {
    return problem.find(text) != std::string::npos;
  });
}

}  // namespace

TEST_CASE("a store that nothing happened to is sound") {
  Furnished store;
  const StoreCheck check = check_store(store.root, true);
  CHECK(check.problems.empty());
  CHECK(check.layers == 2);
  CHECK(check.blobs == 1);
  CHECK(check.images == 2);
  CHECK(check.records == 1);
  CHECK(check.bytes == std::string("sound" "other" "a blob").size());
}

TEST_CASE("a changed file costs its layer and what stands on it, and nothing else") {
  Furnished furnished;
  // The same size, so that only reading it tells.
  std::ofstream(furnished.tree(furnished.other) / "file") << "OTHER";

  const StoreCheck looked = check_store(furnished.root, false);
  CHECK(mentions(looked, "the content of \"file\" has changed"));
  CHECK(check_store(furnished.root, false).problems == looked.problems);

  const StoreCheck repaired = check_store(furnished.root, true);
  CHECK(mentions(repaired, furnished.other.diff_id.text()));
  CHECK(mentions(repaired, "app:1"));
  CHECK(check_store(furnished.root, true).problems.empty());

  Store store(furnished.root);
  CHECK_FALSE(store.layers().find(furnished.other.diff_id));
  CHECK_FALSE(store.images().find(furnished.other_image));
  CHECK_FALSE(store.records().find(furnished.key));
  CHECK(store.layers().find(furnished.sound.diff_id));
  CHECK(store.images().find(furnished.image));
}

TEST_CASE("a layer without its directory, and a directory without its layer, are found") {
  Furnished furnished;
  std::filesystem::rename(furnished.tree(furnished.other),
                          furnished.root / "layers" / sha256("nobody's").hex());
  const StoreCheck check = check_store(furnished.root, true);
  CHECK(mentions(check, "its directory or its index is gone"));
  CHECK(mentions(check, sha256("nobody's").hex()));
  CHECK(check_store(furnished.root, true).problems.empty());
}

TEST_CASE("a damaged index and a damaged blob are found and dropped") {
  Furnished furnished;
  const auto index = furnished.tree(furnished.other).string() + ".index";
  const auto size = std::filesystem::file_size(index);
  {
    std::fstream file(index, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size - 1));
    file.put('\x7f');
  }
  const auto blob = furnished.root / "blobs" / sha256("a blob").hex();
  std::filesystem::permissions(blob, std::filesystem::perms::owner_all);
  std::ofstream(blob) << "a BLOB";
  const StoreCheck check = check_store(furnished.root, true);
  CHECK(mentions(check, "layer " + furnished.other.diff_id.text()));
  CHECK(mentions(check, "blob " + sha256("a blob").text()));
  CHECK(check_store(furnished.root, true).problems.empty());
}
