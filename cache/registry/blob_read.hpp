// One blob on its way here, over as many connections as it takes.
#pragma once

#include <cache/images/manifest.hpp>
#include <cache/registry/endpoint.hpp>
#include <cache/stream.hpp>
#include <ir/error.hpp>

#include <cstdint>

namespace slipway {

// Not thread-safe.
class BlobRead {
 public:
  // Both must outlive this. From byte `at` on.
  BlobRead(const BlobDescriptor& blob, const ByteSink& sink, std::uint64_t at)
      : blob_(blob), sink_(sink), start_(at), at_(at) {}

  // Reads on from where it is, to the end. False: this place has no such blob. Throws Error; then
  // it may go on from another place, unless it was the sink that failed.
  bool from(RegistryEndpoint& endpoint);
  bool sink_failed() const { return sink_failed_; }

 private:
  // One request. False: 404.
  bool once(RegistryEndpoint& endpoint, bool ranged);
  // What the answer's headers say of its bytes.
  void check(const HttpResponse& response, bool ranged);
  void take(std::span<const std::byte> bytes);
  Error wrong_size(bool more) const;

  const BlobDescriptor& blob_;
  const ByteSink& sink_;
  const std::uint64_t start_;
  std::uint64_t at_;        // how many bytes the sink has, and had before
  std::uint64_t skip_ = 0;  // how many of this answer it has already
  std::string name_;        // of the place that is asked
  bool sink_failed_ = false;
};

}  // namespace slipway
