// Bytes from a thread that pushes to one that pulls, through a bounded buffer.
#pragma once

#include <cache/waiting_source.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <span>
#include <vector>

namespace slipway {

// libcurl pushes, an archive's reader pulls, and neither can be turned round: so a download has
// two threads, and this between them. One writer, one reader.
class BytePipe : public WaitingSource {
 public:
  explicit BytePipe(std::size_t capacity) : ring_(capacity) {}

  // Waits for room. Throws Error once the reader has given up.
  void write(std::span<const std::byte> bytes);
  // The end of the bytes; with a failure, the reader gets that instead of the end.
  void close(std::exception_ptr failure = nullptr);

  // Waits for bytes, their end or `until`. False: neither came.
  bool wait(std::chrono::steady_clock::time_point until);
  // Waits for bytes. Throws Error once somebody has given up.
  std::size_t read(std::span<std::byte> buffer) override;
  // No more is going to be read: who waits at either end gets an Error. Any thread.
  void give_up() override;
  bool given_up() const;

 private:
  // Guards all below; `changed_` is notified at every change.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::byte> ring_;
  std::size_t start_ = 0;
  std::size_t filled_ = 0;
  bool closed_ = false;
  bool given_up_ = false;
  std::exception_ptr failure_;
};

}  // namespace slipway
