// One thing of the store that can be removed for itself.
#pragma once

#include <ir/digest.hpp>
#include <ir/layer.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct RoomItem {
  enum class Kind {
    layer,        // that of records, or of nothing any more; with its blobs
    blob,         // of no layer
    cache_mount,  // with its private twins
    failed_step,  // what a failed step left
    repository,   // a git repository
    stat_cache,   // of a build context
    partial,      // what has come of a blob
  };
  Kind kind = Kind::layer;
  // A digest's digits: of a record's first key, of a layer or blob that has none, or of a name.
  std::string id;
  Digest digest;     // what names it in its folder, and in `holds`
  std::string what;  // for people: the step, the mount's id, the failed step
  std::uint64_t bytes = 0;
  std::int64_t created = 0;  // seconds since the epoch
  std::int64_t last_used = 0;
  std::int64_t uses = 0;
  std::int64_t cost = 0;  // nanoseconds to make it again
  bool useless = false;   // nothing can use it any more

  // Of a layer: the records that give it, and the blobs it is kept as.
  std::vector<CacheKey> records;
  std::vector<Digest> blobs;
  std::uint64_t blob_bytes = 0;  // of `bytes`
  // Of a failed step: the layers it stands on.
  std::vector<DiffId> below;
};

// As --filter type= has them: "layer", "blob", "cache-mount", "failed-step", "git", "stat-cache",
// "partial".
std::string_view kind_name(RoomItem::Kind kind);

}  // namespace slipway
