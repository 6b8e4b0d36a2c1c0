// A source that another thread reads ahead of who wants its bytes: two kinds of work on one stream
// go on side by side.
#pragma once

#include <cache/stream.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway {

class [[nodiscard]] ReadAhead : public ByteSource {
 public:
  // `source` is this thread's own until the end of this. `abandon` ends a read that waits for bytes
  // of it, and those that follow; it is called when this ends before the source does.
  ReadAhead(ByteSource& source, std::function<void()> abandon);
  ~ReadAhead() override;
  ReadAhead(const ReadAhead&) = delete;

  // Throws what reading the source threw. Once it gave 0, nobody reads the source any more.
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  struct Piece {
    std::vector<std::byte> bytes;
    std::size_t size = 0;
  };
  void run(ByteSource& source);

  std::function<void()> abandon_;
  Piece current_;  // the reader's alone
  std::size_t at_ = 0;
  std::mutex mutex_;  // guards all below; `changed_` is notified at every change
  std::condition_variable changed_;
  std::deque<Piece> filled_;
  std::vector<std::vector<std::byte>> spare_;
  bool ended_ = false;
  bool abandoned_ = false;
  std::exception_ptr failure_;
  std::thread thread_;  // the last: it uses all the others
};

}  // namespace slipway
