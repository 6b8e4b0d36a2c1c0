// gzip as layers leave the store with it: fast, in parallel, and always the same bytes.
//
// One member. Its deflate stream is cut every MiB of input, whatever the number of threads; each
// block is compressed alone and ends on a byte boundary, so that blocks can be put one behind the
// other.
//
//   level 1, 2   ISA-L's, with the 32 KiB before the block as dictionary; 2 is the usual one
//   level 0      stored, not compressed
//   level 3-12   libdeflate's, which has no dictionary: a block of a MiB is 0.1 % larger for it
//
// ISA-L's level 3 is 2 % smaller than its 2, but its output differs between processors.
#pragma once

#include <cache/archive/block_pool.hpp>
#include <cache/stream.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

namespace slipway {

// Not thread-safe.
class GzipWriter {
 public:
  static constexpr int usual_level = 2;
  static constexpr int highest_level = 12;

  struct Options {
    std::optional<int> level{};  // 0 to 12
    // Null: threads of its own, one a processor, from the second block on.
    std::shared_ptr<BlockPool> pool{};
  };
  // `sink` is called by the thread that calls write() and finish().
  explicit GzipWriter(ByteSink sink);
  GzipWriter(ByteSink sink, const Options& options);
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;

  // Throws Error, also for a failure of an earlier block; what `sink` throws passes through.
  void write(std::span<const std::byte> bytes);
  // The end of the member. Nothing may follow.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway
