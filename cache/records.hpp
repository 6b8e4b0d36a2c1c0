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
  KeyParts parts;              // what the key was made of, for comparing and explaining
  LayerRef layer;              // the step's own layer
  std::int64_t created = 0;    // when the layer was made, seconds since the epoch
  std::int64_t duration = 0;   // how long the step ran, nanoseconds
  std::int64_t last_used = 0;  // seconds since the epoch
  std::string step;            // the vertex's name, "[build 2/5] RUN make"
  std::int64_t ran = 0;        // when the step was executed last, seconds; the layer may be older
  std::int64_t uses = 0;       // how often it was a hit
  bool hearsay = false;        // a shared cache said it, without a signature that was checked
};

// What a part of a key that is a digest of files was made of: bytes that only who explains a miss
// reads (executor/files/file_list.hpp).
struct RecordedFiles {
  std::string part;  // its label
  std::string list;
};

class RecordStore {
 public:
  explicit RecordStore(Database& database);

  // Only what can be used: a record whose layer is not in the store is dropped and not given.
  std::optional<Record> find(const CacheKey& key);
  // Replaces an older record of the same key.
  void put(const Record& record, const std::vector<RecordedFiles>& files = {});
  // The list of that part of the record; empty where none was kept.
  std::string files(const CacheKey& key, std::string_view part);
  // All of them.
  std::vector<RecordedFiles> files(const CacheKey& key);
  void touch(const std::vector<CacheKey>& used);

  // The same without dropping anything, also of a record whose layer is gone: for who only looks.
  std::optional<Record> peek(const CacheKey& key);

  // Evictions: which keys lost their records on purpose, so that a miss can say so. A record that
  // is put again ends that of its key.
  struct Eviction {
    std::int64_t at = 0;  // seconds since the epoch
    std::string rule;     // what removed it, for people: "prune (until=24h)"
  };
  std::optional<Eviction> eviction(const CacheKey& key);
  // To be called in the transaction that deletes the records. Of many only the newest are kept.
  void evicted(const std::vector<CacheKey>& keys, std::string_view rule);

  // Places: where in which Dockerfile a step stood, so that the next build can say what changed
  // since. `place` is opaque here. remember() replaces; in one transaction for a whole build.
  struct Place {
    std::string place;
    CacheKey key;
  };
  void remember(const std::vector<Place>& places);
  std::optional<Record> last_at(std::string_view place);
  // The places that begin with `prefix`, which does not end in byte 255, and what their records
  // call the step.
  struct Step {
    std::string place;
    std::string step;
  };
  std::vector<Step> steps_below(std::string_view prefix);

  // Records in the order they were put: each has a number, larger than all before it.
  struct Numbered {
    std::int64_t number = 0;
    std::string step;
  };
  std::int64_t newest();  // 0: there are none
  // The newest of those that are not newer than `number`, at most `most`.
  std::vector<Numbered> numbered_up_to(std::int64_t number, std::size_t most);
  std::optional<Record> numbered(std::int64_t number);
  // Those whose keys begin with these digits, at most `most`.
  std::vector<Record> with_prefix(std::string_view hex, std::size_t most);
  // Those that gave this layer, the newest use first, at most `most`.
  std::vector<Record> of_layer(const DiffId& layer, std::size_t most);

 private:
  Database& database_;
};

}  // namespace slipway
