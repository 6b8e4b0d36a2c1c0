// Where a cache is shared: a directory, a registry, an HTTP server, a bucket. Each is a transport
// of the same two maps, `key -> record` and `digest -> blob`.
//
// Nothing that comes from there is trusted: who asks verifies (shared_caches.hpp). A transport only
// bounds what it reads, and says what failed.
#pragma once

#include <cache/stream.hpp>
#include <ir/digest.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// As --cache-from, --cache-to and their like name one: "type=http,url=...".
struct CacheSpec {
  std::string type;                               // local, registry, http or s3
  std::map<std::string, std::string> attributes;  // all but the type
  std::string text;                               // as it was given, for messages
};

struct SharedBlob {
  Digest digest;
  std::uint64_t size = 0;  // bytes
  bool operator==(const SharedBlob&) const = default;
};

// Thread-safe. All functions throw Error for what failed; that there is no such record or blob is
// no failure.
class CacheTransport {
 public:
  // Of a record's document.
  static constexpr std::size_t longest_record = std::size_t{8} << 20;

  virtual ~CacheTransport() = default;

  // For messages, without credentials.
  virtual std::string name() const = 0;

  // At most longest_record bytes, or it is an Error.
  virtual std::optional<std::string> record(const Digest& key) = 0;
  // `blobs` are those that the record refers to, which are there already: a server may drop what
  // nothing refers to, or refuse a record that refers to what it does not have. Replaces.
  virtual void put_record(const Digest& key, std::string_view bytes,
                          const std::vector<SharedBlob>& blobs) = 0;

  virtual bool has_blob(const SharedBlob& blob) = 0;
  // False: there is none, and `sink` got nothing. Gives at most blob.size bytes.
  virtual bool blob(const SharedBlob& blob, const ByteSink& sink) = 0;
  // From a file of exactly those bytes. A reader never sees half of it.
  virtual void put_blob(const SharedBlob& blob, const std::filesystem::path& file) = 0;
};

// Makes what the spec names; nothing is asked for yet. `cancelled` as in HttpClient. Throws Error,
// with a hint, for a type or an attribute that is not known or missing. `write`: it is going to be
// written to, which some specs name differently (dest, src). `patience`: how long a server may take
// to begin an answer.
std::unique_ptr<CacheTransport> open_transport(
    const CacheSpec& spec, bool write, std::function<bool()> cancelled,
    std::chrono::milliseconds patience = std::chrono::seconds(10));

}  // namespace slipway
