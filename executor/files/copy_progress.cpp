#include <executor/files/copy_progress.hpp>

#include <utility>

namespace slipway {
namespace {

// The builder is mostly right behind the workers; what it does not find here is in the page cache.
constexpr std::size_t most_kept = std::size_t{4} << 20;

}  // namespace

void CopyProgress::reached(std::size_t file, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  reached_[file] = bytes;
  if (awaited_ == file) changed_.notify_one();
}

void CopyProgress::finished(std::size_t file, std::string bytes) {
  const std::lock_guard lock(mutex_);
  done_[file] = 1;
  reached_.erase(file);
  if (!bytes.empty() && kept_bytes_ + bytes.size() <= most_kept) {
    kept_bytes_ += bytes.size();
    kept_.emplace(file, std::move(bytes));
  }
  if (awaited_ == file) changed_.notify_one();
}

void CopyProgress::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_one();
}

bool CopyProgress::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

bool CopyProgress::wait(std::size_t file, std::uint64_t offset, Reached& reached) {
  std::unique_lock lock(mutex_);
  awaited_ = file;
  const auto so_far = [&] {
    const auto found = reached_.find(file);
    return found == reached_.end() ? 0 : found->second;
  };
  changed_.wait(lock, [&] { return stopped_ || done_[file] != 0 || so_far() > offset; });
  awaited_ = static_cast<std::size_t>(-1);
  reached = {so_far(), done_[file] != 0};
  return !stopped_ || reached.complete;
}

bool CopyProgress::take(std::size_t file, std::string& bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(file);
  if (found == kept_.end()) return false;
  bytes = std::move(found->second);
  kept_bytes_ -= bytes.size();
  kept_.erase(found);
  return true;
}

}  // namespace slipway
