// Several packs on their way at once: a server far away answers late, not slowly.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway {

class Transfers {
 public:
  Transfers() = default;
  Transfers(const Transfers&) = delete;
  // Ends when what runs has ended; what waits is dropped.
  ~Transfers();

  // Soon, on a thread of its own. Waits while many others wait, so that no disk fills with what is
  // to be sent. Throws what an earlier piece threw.
  void start(std::function<void()> piece);
  // Waits for all of them. Throws what one of them threw; the rest is dropped then.
  void finish();

 private:
  void work();
  void throw_failure();

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  std::size_t running_ = 0;
  bool ending_ = false;
  std::exception_ptr failure_;
  std::vector<std::thread> threads_;  // of the thread that starts pieces alone
};

}  // namespace slipway
