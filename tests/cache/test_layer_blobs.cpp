#include "temporary_folder.hpp"

#include <cache/database.hpp>
#include <cache/layers/layer_blobs.hpp>

#include <doctest/doctest.h>

using namespace slipway;

TEST_CASE("a layer's blob is remembered for each compression, the newest of each") {
  TemporaryFolder folder;
  Database database(folder / "slipway.db");
  LayerBlobs blobs(database);
  const DiffId layer{sha256("layer")};
  CHECK_FALSE(blobs.find(layer, "zstd"));
  blobs.put(layer, "zstd", {sha256("old"), 7});
  blobs.put(layer, "zstd", {sha256("tar"), 8});
  blobs.put(layer, "zstd-index", {sha256("index"), 9});
  REQUIRE(blobs.find(layer, "zstd"));
  CHECK(blobs.find(layer, "zstd")->digest == sha256("tar"));
  CHECK(blobs.find(layer, "zstd")->size == 8);
  CHECK(blobs.find(layer, "zstd-index")->digest == sha256("index"));
  CHECK_FALSE(blobs.find(DiffId{sha256("other")}, "zstd"));
}
