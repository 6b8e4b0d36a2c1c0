// Rows of layers without their files: what images and records need of them.
#pragma once

#include <cache/database.hpp>
#include <ir/layer.hpp>

#include <string_view>

inline slipway::LayerRef add_layer(slipway::Database& database, std::string_view name,
                                   std::uint64_t size = 1000) {
  using namespace slipway;
  const LayerRef layer{DiffId{sha256(name)}, TreeDigest{sha256("tree of " + std::string(name))},
                       size};
  Query(database,
        "INSERT INTO layers (diff_id, tree, size, canonical, created, boot) "
        "VALUES (?, ?, ?, 1, 0, ?)")
      .bind(layer.diff_id.digest)
      .bind(layer.tree.digest)
      .bind(layer.size)
      .bind(database.boot())
      .run();
  return layer;
}

inline void remove_layer(slipway::Database& database, const slipway::LayerRef& layer) {
  slipway::Query(database, "DELETE FROM layers WHERE diff_id = ?")
      .bind(layer.diff_id.digest)
      .run();
}
