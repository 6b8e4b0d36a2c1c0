// Bytes that flow: where a layer comes from and where it goes.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace slipway {

// Pulled by its reader. Not thread-safe.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills the front of `buffer` and says how much; 0 is the end. Throws Error.
  virtual std::size_t read(std::span<std::byte> buffer) = 0;
};

// Takes all of the bytes, or throws Error.
using ByteSink = std::function<void(std::span<const std::byte>)>;

}  // namespace slipway
