// Sends records and their layers to shared caches beside the build, on threads of its own: to each
// what it lacks, first what a record refers to, and the record last.
//
// A layer is compressed once for all caches, and of equal layers one is sent. Where it is known
// from an earlier build what a layer's blobs are, and a cache has them, none is compressed at all.
#pragma once

#include <cache/shared/guarded_cache.hpp>
#include <cache/shared/packed_layer.hpp>
#include <cache/shared/record_document.hpp>
#include <cache/store.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

// Thread-safe.
class Uploads {
 public:
  struct Rules {
    // The record of the key in these bytes; empty where readers would not take it.
    std::function<std::optional<SharedRecord>(std::string bytes, const CacheKey& key)> read;
    // The bytes of a record, signed where that is asked for.
    std::function<std::string(const SharedRecord&)> bytes_of;
    // Whether the destination of that number is known to have a good record; empty: not known.
    std::function<std::optional<bool>(std::size_t destination, const CacheKey& key)> known;
    // Gets a blob from where a record was found, for a layer that is not in the store. Null: no.
    std::function<std::unique_ptr<PackedFile>(const SharedBlob& blob)> fetch;
    // Of what fails on this side.
    std::function<void(const Diagnostic&)> note;
    std::function<bool()> cancelled;
  };
  Uploads(Store& store, std::vector<GuardedCache*> destinations, Rules rules);
  // Ends what is under way: the destinations are closed by then.
  ~Uploads();
  Uploads(const Uploads&) = delete;

  // `found`: in a cache, and its layer need not be in the store; its blobs are known. Does not
  // wait.
  void offer(SharedRecord record, bool found);

  struct Figures {
    std::size_t sent = 0;
    std::size_t there = 0;
    std::size_t waiting = 0;
  };
  Figures figures() const;

  // No more is begun, and what waits is given up.
  void stop();
  // As SharedCaches::finish.
  void finish(const std::function<bool()>& tick);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway
