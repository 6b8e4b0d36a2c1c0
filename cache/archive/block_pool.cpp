#include <cache/archive/block_pool.hpp>

#include <algorithm>
#include <utility>

namespace slipway {

BlockPool::BlockPool(unsigned threads)
    : threads_(threads > 0 ? threads : std::max(1U, std::thread::hardware_concurrency())) {}

BlockPool::~BlockPool() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void BlockPool::run(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(work));
    if (workers_.empty()) {
      workers_.reserve(threads_);
      for (unsigned i = 0; i < threads_; ++i) workers_.emplace_back([this] { this->work(); });
    }
  }
  changed_.notify_one();
}

void BlockPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return ended_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::function<void()> next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    next();
    next = nullptr;  // what it holds may be the last of its kind, and is not freed under the lock
    lock.lock();
  }
}

}  // namespace slipway
