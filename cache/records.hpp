// Records: cache key -> result. Independent of each other: two writers never overwrite a third.
#pragma once

#include <ir/digest.hpp>
#include <ir/key.hpp>
#include <ir/layer.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Database;

struct Record {
  CacheKey key;
  KeyParts parts;               // what the key was made of, for comparing and explaining
  LayerRef layer;               // the step's own layer
  std::int64_t created = 0;     // when the layer was made, seconds since the epoch
  std::int64_t duration = 0;    // how long the step ran, nanoseconds
  std::int64_t last_used = 0;   // seconds since the epoch
  std::string step;             // the vertex's name, "[build 2/5] RUN make"
};

class RecordStore {
 public:
  explicit RecordStore(Database& database);

  // Only what can be used: a record whose layer is not in the store is dropped and not given.
  std::optional<Record> find(const CacheKey& key);
  // Replaces an older record of the same key.
  void put(const Record& record);
  void touch(const std::vector<CacheKey>& used);

  // Places: where in which Dockerfile a step stood, so that the next build can say what changed
  // since. `place` is opaque here. remember() replaces; in one transaction for a whole build.
  struct Place {
    std::string place;
    CacheKey key;
  };
  void remember(const std::vector<Place>& places);
  std::optional<Record> last_at(std::string_view place);

 private:
  Database& database_;
};

}  // namespace slipway
