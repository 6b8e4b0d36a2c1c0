#include <cache/mounts/transfers.hpp>

#include <utility>

namespace slipway {
namespace {

constexpr std::size_t most_threads = 4;
constexpr std::size_t most_waiting = 4;

}  // namespace

Transfers::~Transfers() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Transfers::throw_failure() {
  if (failure_) std::rethrow_exception(failure_);
}

void Transfers::start(std::function<void()> piece) {
  std::unique_lock lock(mutex_);
  if (threads_.size() < most_threads) threads_.emplace_back([this] { work(); });
  changed_.wait(lock, [this] { return failure_ || waiting_.size() < most_waiting; });
  throw_failure();
  waiting_.push_back(std::move(piece));
  changed_.notify_all();
}

void Transfers::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return running_ == 0 && (failure_ || waiting_.empty()); });
  throw_failure();
}

void Transfers::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (ending_) return;
    const std::function<void()> piece = std::move(waiting_.front());
    waiting_.pop_front();
    ++running_;
    lock.unlock();
    std::exception_ptr failed;
    try {
      piece();
    } catch (...) {
      failed = std::current_exception();  // told by the thread that asked for it
    }
    lock.lock();
    --running_;
    if (failed && !failure_) {
      failure_ = failed;
      waiting_.clear();
    }
    changed_.notify_all();
  }
}

}  // namespace slipway
