// Blobs: bytes as a registry stores them, found by their digest.
#pragma once

#include <cache/stream.hpp>
#include <ir/digest.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

class StateDirectory;

class BlobStore {
 public:
  explicit BlobStore(StateDirectory& state);

  bool has(const Digest& digest) const;
  std::optional<std::uint64_t> size(const Digest& digest) const;
  // Throws Error if there is none.
  std::unique_ptr<ByteSource> open(const Digest& digest) const;
  // For small ones: manifests and configs.
  std::string read(const Digest& digest) const;

  // Written aside and renamed at finish(), which verifies `expected` if given. Dropped otherwise.
  class Writer {
   public:
    virtual ~Writer() = default;
    virtual void write(std::span<const std::byte> bytes) = 0;
    virtual Digest finish(const std::optional<Digest>& expected) = 0;
  };
  std::unique_ptr<Writer> create();
  Digest put(std::string_view bytes);

 private:
  StateDirectory& state_;
};

}  // namespace slipway
