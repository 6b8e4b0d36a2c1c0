// Events on their way from the solve's threads to the one that calls Progress.
//
// So that a slow terminal holds up nobody but a step that floods it: of each step a bounded amount
// of output is on its way, and whoever reads the step's pipe asks for room first.
#pragma once

#include <executor/progress.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace slipway {

class EventQueue {
 public:
  EventQueue();
  ~EventQueue();
  EventQueue(const EventQueue&) = delete;

  // Any thread; none of these waits.
  void started(VertexId id);
  void output(VertexId id, OutputStream stream, std::string_view text);
  // Whether more of the step's output is welcome. After a no, deliver() says when it is again.
  bool has_room(VertexId id);
  // The same for who has nothing else to do: waits until there is.
  void await_room(VertexId id);
  void finished(VertexReport report);
  // What was started and is not finished, in order.
  std::vector<VertexId> unfinished();
  // Wakes deliver() though nothing happened. Async-signal-safe.
  void wake() noexcept;

  // One thread: waits up to `patience` for something to happen and hands it on. Gives the steps that
  // were told there was no room and now have it; those of which events were lost, because `progress`
  // threw, are none of them.
  std::vector<VertexId> deliver(Progress& progress, std::chrono::milliseconds patience);

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
  struct OnItsWay {
    std::size_t bytes = 0;
    bool refused = false;  // has_room() has said no
  };
  void push(Event event);
  void taken(const Event& event);

  int wake_fd_;            // an eventfd: readable when there is something to deliver
  std::mutex mutex_;       // guards what follows
  std::condition_variable room_;
  std::deque<Event> events_;
  std::unordered_map<std::size_t, OnItsWay> on_its_way_;  // by vertex
  std::set<VertexId> unfinished_;
};

}  // namespace slipway
