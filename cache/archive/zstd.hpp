// zstd as layers leave the store with it: always the same bytes.
#pragma once

#include <cache/stream.hpp>

#include <memory>
#include <span>

namespace slipway {

// Level 3, one frame with a checksum. Not thread-safe.
class ZstdWriter {
 public:
  explicit ZstdWriter(ByteSink sink);
  ~ZstdWriter();
  ZstdWriter(const ZstdWriter&) = delete;

  // Throws Error; what `sink` throws passes through.
  void write(std::span<const std::byte> bytes);
  // The end of the frame. Nothing may follow.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway
