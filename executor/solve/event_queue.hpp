// Events on their way from the solve's threads to the one that calls Progress.
//
// So that a slow terminal holds up neither a worker nor the thread that drains the processes'
// pipes, as long as no more than a bounded amount of output waits.
#pragma once

#include <executor/progress.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

namespace slipway {

class EventQueue {
 public:
  EventQueue();
  ~EventQueue();
  EventQueue(const EventQueue&) = delete;

  // Any thread. output() waits while too much of it is on its way.
  void started(VertexId id);
  void output(VertexId id, OutputStream stream, std::string_view text);
  void finished(VertexReport report);
  // Wakes deliver() though nothing happened. Async-signal-safe.
  void wake() noexcept;

  // One thread: waits up to `patience` for something to happen and hands it on.
  void deliver(Progress& progress, std::chrono::milliseconds patience);

 private:
  struct Started {
    VertexId id;
  };
  struct Output {
    VertexId id;
    OutputStream stream;
    std::string text;
  };
  using Event = std::variant<Started, Output, VertexReport>;
  void push(Event event, std::size_t bytes);

  int wake_fd_;            // an eventfd: readable when there is something to deliver
  std::mutex mutex_;       // guards what follows
  std::condition_variable room_;
  std::deque<Event> events_;
  std::size_t bytes_ = 0;  // of output on its way
};

}  // namespace slipway
