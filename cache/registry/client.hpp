// One repository of one registry, through the distribution protocol (distribution-spec, "Pulling",
// "Pushing", "Content Discovery"; tokens: distribution's docs/spec/auth). conformance.md has each
// requirement and where it is met.
#pragma once

#include <cache/images/manifest.hpp>
#include <cache/registry/credentials.hpp>
#include <cache/registry/endpoint.hpp>
#include <cache/registry/http.hpp>
#include <cache/stream.hpp>
#include <ir/digest.hpp>
#include <ir/reference.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace slipway {

// How a blob is put. All of it may be left out.
struct BlobUpload {
  // Called in the thread that puts the blob: how many of its bytes the registry has been given. The
  // number falls when an upload is begun again.
  std::function<void(std::uint64_t)> sent = {};
  // Where an earlier upload of the same blob to the same repository goes on, as `moved` told it,
  // perhaps to another process. One that the registry no longer knows is no harm.
  std::string location = {};
  // Called when the place changes where an upload that breaks would go on: keep the newest. Empty:
  // there is none any more. Only uploads in pieces have one.
  std::function<void(const std::string&)> moved = {};
  // A blob with more bytes than this goes in pieces of that size: one that breaks goes on.
  std::uint64_t piece = std::uint64_t{16} << 20;
};

// A manifest that refers to another one: a signature, an attestation.
struct Referrer {
  BlobDescriptor manifest;
  std::string artifact_type;
};

// What is read comes from the registry's mirrors, in their order, where it has any, and from itself
// last (registries.hpp); tags are listed and all else is done at the registry itself.
//
// Requests that broke, and those that 429 or 5xx answers, are made again a few times, with growing
// pauses or after the time that Retry-After names, for two minutes at most; where `limits` have a
// time for the first byte, for that long.
//
// Thread-safe: blobs may be read and put side by side.
class RegistryClient {
 public:
  // Only the domain and repository of `name` count. `cancelled` as in HttpClient; it ends pauses as
  // well. `limits` are those of each request. Throws Error for configuration that cannot be read.
  RegistryClient(const Reference& name, Credentials credentials,
                 std::function<bool()> cancelled = {}, HttpLimits limits = {});
  // The same with what is set for registries, instead of what the machine's files say.
  RegistryClient(const Reference& name, Credentials credentials, std::function<bool()> cancelled,
                 HttpLimits limits, std::shared_ptr<const Registries> registries);

  struct Document {
    std::string media_type;
    std::string bytes;
    Digest digest;
  };
  // By tag, or by digest, which is then verified. Throws Error with a hint if there is none.
  Document manifest(const Reference& name);
  Document manifest(const BlobDescriptor& expected);
  // By tag; nothing if there is none. From the registry itself.
  std::optional<Document> find_manifest(const std::string& tag);

  // A small blob: a config. Size and digest are verified.
  std::string small_blob(const BlobDescriptor& expected, std::uint64_t limit);
  // Streams a blob, from byte `from` on. A connection that breaks is made again where it broke; no
  // byte is given twice. Throws Error if the blob is longer or shorter than expected; comparing the
  // digest is left to the one who keeps the bytes.
  void blob(const BlobDescriptor& expected, const ByteSink& sink, std::uint64_t from = 0);
  // The same; false if there is none, and `sink` got nothing.
  bool find_blob(const BlobDescriptor& expected, const ByteSink& sink, std::uint64_t from = 0);

  // Whether it has the blob, with that size if it says one.
  bool has_blob(const BlobDescriptor& expected);
  // Whether the repository has the blob now, without a byte sent, because another one of the same
  // registry has it. False: it has not, for whatever reason; then put_blob() it.
  bool mount_blob(const Digest& digest, const std::string& from_repository);
  // `bytes` are those of the descriptor: the registry verifies them. In one piece, or in several
  // (BlobUpload::piece) where the registry takes pieces.
  void put_blob(const BlobDescriptor& blob, const std::variant<std::string, FilePiece>& bytes,
                const BlobUpload& how = {});
  // `name`: a tag, or the digest of `bytes`. What it refers to has to be there already. One with a
  // subject becomes a referrer of that, also where the registry keeps no list of them.
  void put_manifest(const std::string& name, const std::string& media_type,
                    const std::string& bytes);

  // All of them, as the registry has them, but for those that are longer than a tag may be; more
  // than 100,000 are an Error. Throws Error with a hint if there is no such repository.
  std::vector<std::string> tags();
  // The manifests whose subject is `digest`; of one type alone, unless that is empty. From the list
  // that the registry keeps, or from the tag that stands for one.
  std::vector<Referrer> referrers(const Digest& digest, const std::string& artifact_type = {});

  // Whether a mirror is asked before the registry.
  bool asks_mirrors() const;
  // None is, from now on: what one of them gave was wrong, as only who keeps the bytes can see.
  void give_up_mirrors();

  // What the registry wants its users to know, each text once: to be shown, quoted, and nothing else.
  std::vector<std::string> warnings() const { return registry_.warnings(); }

 private:
  using Bytes = std::variant<std::string, FilePiece>;
  class BlobPut;

  // Asks the mirrors, then the registry, until `ask` gives something; what the mirrors' failures
  // were is told if the registry fails as well. Not after a `final_failure`.
  template <class Ask>
  auto from_any(const Ask& ask, const std::function<bool()>& final_failure = {});
  std::optional<Document> document(RegistryEndpoint& endpoint, const std::string& name,
                                   const RequestPurpose& purpose);
  Error no_blob(const BlobDescriptor& expected) const;
  std::optional<std::vector<Referrer>> listed_referrers(const Digest& digest,
                                                        const std::string& artifact_type);
  // Keeps the list itself, for a registry that does not.
  void add_referrer(const Digest& subject, const std::string& media_type,
                    const std::string& manifest);
  // An upload that was opened when a blob could not be mounted: where it goes on; empty: none.
  std::string take_session(const Digest& digest);
  // Ends an upload that nobody goes on with.
  void abandon(const std::string& location);

  RegistryEndpoint registry_;
  std::vector<std::unique_ptr<RegistryEndpoint>> mirrors_;
  std::atomic<bool> takes_pieces_ = true;  // until it refuses one

  std::mutex mutex_;  // guards sessions_
  std::map<Digest, std::string> sessions_;
};

}  // namespace slipway
