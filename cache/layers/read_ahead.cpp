#include <cache/layers/read_ahead.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t piece_size = std::size_t{256} << 10;
// Enough for one side to go on while the other writes a large file's bytes.
constexpr std::size_t pieces = 16;

}  // namespace

ReadAhead::ReadAhead(ByteSource& source, std::function<void()> abandon)
    : abandon_(std::move(abandon)), thread_([this, &source] { run(source); }) {}

ReadAhead::~ReadAhead() {
  bool early = false;
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    early = !ended_;
    changed_.notify_all();
  }
  if (early && abandon_) abandon_();
  thread_.join();
}

void ReadAhead::run(ByteSource& source) {
  std::exception_ptr failure;
  try {
    for (std::size_t made = 0;;) {
      Piece piece;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return abandoned_ || !spare_.empty() || made < pieces; });
        if (abandoned_) return;
        if (!spare_.empty()) {
          piece.bytes = std::move(spare_.back());
          spare_.pop_back();
        }
      }
      if (piece.bytes.empty()) {
        piece.bytes.resize(piece_size);
        ++made;
      }
      piece.size = source.read(piece.bytes);
      if (piece.size == 0) break;
      const std::lock_guard lock(mutex_);
      filled_.push_back(std::move(piece));
      changed_.notify_all();
    }
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  failure_ = failure;
  ended_ = true;
  changed_.notify_all();
}

std::size_t ReadAhead::read(std::span<std::byte> buffer) {
  if (buffer.empty()) return 0;
  if (at_ == current_.size) {
    std::unique_lock lock(mutex_);
    if (!current_.bytes.empty()) spare_.push_back(std::exchange(current_.bytes, {}));
    current_.size = at_ = 0;
    changed_.notify_all();
    changed_.wait(lock, [&] { return ended_ || !filled_.empty(); });
    if (filled_.empty()) {
      if (failure_) std::rethrow_exception(failure_);
      return 0;
    }
    current_ = std::move(filled_.front());
    filled_.pop_front();
  }
  const std::size_t size = std::min(buffer.size(), current_.size - at_);
  std::memcpy(buffer.data(), current_.bytes.data() + at_, size);
  at_ += size;
  return size;
}

}  // namespace slipway
