// The caches that a build shares with other machines: asked in order, never believed, and left
// alone once they fail.
//
// A cache that is slow, failing or lying costs a build one note and at most `patience`: no function
// here throws for what a cache did. What comes from one is verified: a record's parts hash to its
// key, a blob has the digest and size that its record says, and where `trust` names keys, a record
// counts only with a signature of one of them.
#pragma once

#include <cache/records.hpp>
#include <cache/shared/record_document.hpp>
#include <cache/shared/transport.hpp>
#include <cache/stream.hpp>
#include <ir/digest.hpp>
#include <ir/error.hpp>
#include <ir/layer.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

class LayerIndex;
class Store;

struct SharedCacheOptions {
  std::vector<CacheSpec> from;  // in order
  std::vector<CacheSpec> to;
  // A PEM file: an ed25519 private key. What it has signed is trusted, and nothing unsigned.
  std::optional<std::filesystem::path> sign;
  std::vector<std::filesystem::path>
      trust;  // PEM files: public keys; empty, and nothing to sign with: no signature is asked for
  std::chrono::milliseconds patience{10'000};  // for one answer to begin
  // One for each cache that is left alone, and why. From any thread.
  std::function<void(const Diagnostic&)> note;
  std::function<bool()> cancelled;  // as in HttpClient
};

// Thread-safe. What was offered is uploaded by threads of its own beside the build.
class SharedCaches {
 public:
  // Throws Error for options that cannot be used: an unknown type, a key that is none. No cache is
  // asked anything yet.
  SharedCaches(Store& store, SharedCacheOptions options);
  // With transports from elsewhere: as open_transport.
  using OpenTransport = std::function<std::unique_ptr<CacheTransport>(
      const CacheSpec&, bool write, std::function<bool()> cancelled,
      std::chrono::milliseconds patience)>;
  SharedCaches(Store& store, SharedCacheOptions options, const OpenTransport& open);
  ~SharedCaches();  // ends what still uploads
  SharedCaches(const SharedCaches&) = delete;

  bool signs() const;
  bool checks_signatures() const;  // a record that is found has one of a key that is trusted
  bool reads() const;
  bool writes() const;

  // The first cache's that has one. Waits for the network.
  std::optional<SharedRecord> find(const CacheKey& key);

  // Calls `read` with the blob's bytes, from the first cache that can give them; where `read`
  // throws or the bytes turn out to be others, with the next one's. The bytes are verified at their
  // end, and reading to it is `read`'s duty. `worth`: what it takes to make it otherwise, so that
  // it is given up where waiting for a slow cache takes clearly longer. False: no cache could give
  // it.
  bool read_blob(const SharedBlob& blob, const std::function<void(ByteSource&)>& read,
                 std::chrono::nanoseconds worth = std::chrono::nanoseconds::max());

  // The index of a record's layer, read whole and verified; null: no cache could give one.
  std::shared_ptr<const LayerIndex> read_index(const SharedRecord& record);

  // To be uploaded to each cache of `to` that lacks it: first what it refers to, and the record
  // last. Its layer is in the store, or came from the cache itself (`found`). Does not wait.
  void offer(const Record& record, const std::vector<RecordedFiles>& files);
  void offer(const SharedRecord& found);

  // No cache is read from any more, and whoever waits for one waits no longer: it has nothing.
  // Uploads go on.
  void stop_reading();

  struct Figures {
    std::size_t records_found = 0;
    std::size_t records_sent = 0;
    std::size_t records_there = 0;    // the caches had them already
    std::size_t records_refused = 0;  // found without a signature by a trusted key
    std::size_t records_waiting = 0;  // offered, and neither sent nor given up
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_sent = 0;
  };
  Figures figures() const;

  // Waits until all that was offered has been sent or given up. `tick` is called about ten times a
  // second meanwhile; true from it ends the waiting.
  void finish(const std::function<bool()>& tick);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway
