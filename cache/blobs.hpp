// Blobs: bytes as a registry stores them, found by their digest.
#pragma once

#include <cache/stream.hpp>
#include <ir/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace slipway {

class StateDirectory;

// Safe for any number of threads and processes; a Writer belongs to one thread.
class BlobStore {
 public:
  explicit BlobStore(StateDirectory& state);

  // What is found or written stays until this process has ended (room/holds.hpp).
  bool has(const Digest& digest) const;
  std::optional<std::uint64_t> size(const Digest& digest) const;
  // Throws Error if there is none. The source verifies: where the bytes were not those of the
  // digest, its end is an Error, and the blob is removed.
  std::unique_ptr<ByteSource> open(const Digest& digest) const;
  // For small ones, manifests and configs: throws Error for more than `longest_read` bytes.
  static constexpr std::size_t longest_read = std::size_t{16} << 20;
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
