#include <cache/layers/layer_blobs.hpp>

#include <cache/database.hpp>

namespace slipway {

std::optional<LayerBlobs::Blob> LayerBlobs::find(const DiffId& layer,
                                                 std::string_view compression) {
  Query query(database_,
              "SELECT digest, size FROM layer_blobs WHERE diff_id = ? AND compression = ?");
  if (!query.bind(layer.digest).bind(compression).step()) return std::nullopt;
  return Blob{query.digest(0), static_cast<std::uint64_t>(query.integer(1))};
}

bool LayerBlobs::has(const DiffId& layer, const Digest& blob) {
  Query query(database_, "SELECT 1 FROM layer_blobs WHERE diff_id = ? AND digest = ?");
  return query.bind(layer.digest).bind(blob).step();
}

void LayerBlobs::put(const DiffId& layer, std::string_view compression, const Blob& blob) {
  Query(database_,
        "INSERT OR REPLACE INTO layer_blobs (diff_id, compression, digest, size) "
        "VALUES (?, ?, ?, ?)")
      .bind(layer.digest)
      .bind(compression)
      .bind(blob.digest)
      .bind(blob.size)
      .run();
}

}  // namespace slipway
