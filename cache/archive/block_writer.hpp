// A stream, compressed block by block: cut at the same places whatever the number of threads, each
// block by itself, and put together again in order.
#pragma once

#include <cache/archive/block_pool.hpp>
#include <cache/stream.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace slipway {

struct Block {
  std::vector<std::uint8_t> input;  // what came right before the block, then the block
  std::size_t dictionary = 0;       // the size of the former, bytes
  bool last = false;
  std::vector<std::uint8_t> output;

  std::span<const std::uint8_t> own() const { return std::span(input).subspan(dictionary); }
};

// Not thread-safe.
class BlockWriter {
 public:
  struct Shape {
    std::size_t block_size = 0;       // bytes
    std::size_t dictionary_size = 0;  // what each block is given of the ones before it
  };
  // `compress` fills a block's output, from any thread, several at once; what it throws ends the
  // writing. `sink` is called by the thread that calls write() and finish(). Without a pool it has
  // threads of its own, one a processor, from the second block on.
  BlockWriter(ByteSink sink, Shape shape, std::function<void(Block&)> compress,
              std::shared_ptr<BlockPool> pool);
  ~BlockWriter();
  BlockWriter(const BlockWriter&) = delete;

  // Throws what `compress` or `sink` throw.
  void write(std::span<const std::byte> bytes);
  // The last block, which is empty only where all is.
  void finish();

 private:
  struct State;
  void submit(bool last);
  void write_front();

  std::shared_ptr<State> state_;  // also the pool's, as long as blocks of it are waiting there
  ByteSink sink_;
  Shape shape_;
  std::shared_ptr<BlockPool> pool_;
  std::vector<std::uint8_t> pending_;  // the dictionary, then what is not a whole block yet
  std::size_t dictionary_ = 0;
};

// Scratch memory that is costly to make, lent to one thread at a time. Thread-safe.
template <class T>
class Spares {
 public:
  // Calls `use` with one that nobody else has.
  template <class Make, class Use>
  void with(Make&& make, Use&& use) {
    std::unique_ptr<T> mine;
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        mine = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (!mine) mine = make();
    use(*mine);
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(mine));
  }

 private:
  std::mutex mutex_;  // guards idle_
  std::vector<std::unique_ptr<T>> idle_;
};

}  // namespace slipway
