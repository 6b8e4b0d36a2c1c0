// gzip as layers leave the store with it: fast, in parallel, and always the same bytes.
//
// One member. Its deflate stream is cut every MiB of input, whatever the number of threads; each
// block is compressed alone, by ISA-L at level 2, with the 32 KiB before it as dictionary, and
// ends on a byte boundary, so that blocks can be put one behind the other. ISA-L's level 3 is 2 %
// smaller, but its output differs between processors.
#pragma once

#include <cache/stream.hpp>

#include <cstddef>
#include <memory>
#include <span>

namespace slipway {

// Not thread-safe: it has threads of its own from the second block on.
class GzipWriter {
 public:
  // `sink` is called by the thread that calls write() and finish(). `threads`: 0 for as many as
  // there are processors.
  explicit GzipWriter(ByteSink sink, unsigned threads = 0);
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
