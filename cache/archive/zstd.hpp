// zstd as layers leave the store with it: in parallel, and always the same bytes.
//
// Frames of a fixed size, each with a checksum, one behind the other (RFC 8878, section 3: what
// they hold is put together), because Debian's static libzstd has no threads of its own: 0.2 % more
// bytes than one frame at level 3, and every reader reads them.
#pragma once

#include <cache/archive/block_pool.hpp>
#include <cache/stream.hpp>

#include <memory>
#include <optional>
#include <span>

namespace slipway {

// Not thread-safe.
class ZstdWriter {
 public:
  static constexpr int usual_level = 3;
  static constexpr int highest_level = 22;

  struct Options {
    std::optional<int> level{};  // 0 to 22; 0 is the usual one, as zstd has it
    // Null: threads of its own, one a processor, from the second frame on.
    std::shared_ptr<BlockPool> pool{};
  };
  // `sink` is called by the thread that calls write() and finish().
  explicit ZstdWriter(ByteSink sink);
  ZstdWriter(ByteSink sink, const Options& options);
  ~ZstdWriter();
  ZstdWriter(const ZstdWriter&) = delete;

  // Throws Error; what `sink` throws passes through.
  void write(std::span<const std::byte> bytes);
  // The end of the last frame. Nothing may follow.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway
