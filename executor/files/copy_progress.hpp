// How far the copying of a layer's files has got: told by the workers that copy, asked by the one
// that builds the layer behind them.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace slipway {

// Files go by their position. Thread-safe.
class CopyProgress {
 public:
  explicit CopyProgress(std::size_t files) : done_(files, 0) {}

  // A worker's: how many bytes from its beginning are in place.
  void reached(std::size_t file, std::uint64_t bytes);
  // All of it is. `bytes`: the content again, which is kept for the builder while there is room.
  void finished(std::size_t file, std::string bytes);
  // Nobody goes on: a file could not be copied, or the layer is not wanted any more.
  void stop();
  bool stopped() const;

  // The builder's. Waits until more than `offset` bytes of the file are in place, and gives how
  // many; `complete` says that it is all. False: it was stopped.
  struct Reached {
    std::uint64_t bytes = 0;
    bool complete = false;
  };
  bool wait(std::size_t file, std::uint64_t offset, Reached& reached);
  // What finished() kept, once; false: nothing, read the copy.
  bool take(std::size_t file, std::string& bytes);

 private:
  mutable std::mutex mutex_;  // guards all that follows
  std::condition_variable changed_;
  std::vector<char> done_;
  std::unordered_map<std::size_t, std::uint64_t> reached_;  // of those that are being copied
  std::unordered_map<std::size_t, std::string> kept_;
  std::size_t kept_bytes_ = 0;
  std::size_t awaited_ = static_cast<std::size_t>(-1);
  bool stopped_ = false;
};

}  // namespace slipway
