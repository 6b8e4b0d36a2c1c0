// Threads that compress, shared by all that is compressed at the same time: so many layers side by
// side are as many threads as one.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway {

// Thread-safe. Its threads begin with the first work.
class BlockPool {
 public:
  // 0: as many as there are processors.
  explicit BlockPool(unsigned threads = 0);
  // Work that nobody has begun is dropped.
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;

  unsigned threads() const { return threads_; }
  // Done by one of the threads, in the order it was given. Must not throw.
  void run(std::function<void()> work);

 private:
  void work();

  const unsigned threads_;
  // Guards what follows; `changed_` says that there is work, or the end.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::thread> workers_;
  bool ended_ = false;
};

}  // namespace slipway
