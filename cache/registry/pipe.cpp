#include <cache/registry/pipe.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <cstring>

namespace slipway {

void BytePipe::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return filled_ < ring_.size() || given_up_; });
    if (given_up_) throw Error("interrupted");
    const std::size_t end = (start_ + filled_) % ring_.size();
    const std::size_t room = std::min(ring_.size() - filled_, ring_.size() - end);
    const std::size_t count = std::min(room, bytes.size());
    std::memcpy(ring_.data() + end, bytes.data(), count);
    filled_ += count;
    bytes = bytes.subspan(count);
    changed_.notify_all();
  }
}

void BytePipe::close(std::exception_ptr failure) {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  failure_ = std::move(failure);
  changed_.notify_all();
}

bool BytePipe::wait(std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, until, [&] { return filled_ > 0 || closed_; });
}

std::size_t BytePipe::read(std::span<std::byte> buffer) {
  if (buffer.empty()) return 0;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return filled_ > 0 || closed_ || given_up_; });
  if (given_up_) throw Error("interrupted");
  if (failure_) std::rethrow_exception(failure_);
  const std::size_t count = std::min({filled_, ring_.size() - start_, buffer.size()});
  std::memcpy(buffer.data(), ring_.data() + start_, count);
  start_ = (start_ + count) % ring_.size();
  filled_ -= count;
  changed_.notify_all();
  return count;
}

void BytePipe::give_up() {
  const std::lock_guard lock(mutex_);
  given_up_ = true;
  changed_.notify_all();
}

bool BytePipe::given_up() const {
  const std::lock_guard lock(mutex_);
  return given_up_;
}

}  // namespace slipway
