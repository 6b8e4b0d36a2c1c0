#include <executor/solve/event_queue.hpp>

#include <ir/error.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

namespace slipway {
namespace {

// A step that floods its output waits for the terminal once this much is on its way.
constexpr std::size_t most_bytes = 8U << 20U;

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

}  // namespace

EventQueue::EventQueue() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_fd_ < 0) throw system_error("eventfd", "", errno);
}

EventQueue::~EventQueue() { ::close(wake_fd_); }

void EventQueue::started(VertexId id) { push(Started{id}, 0); }

void EventQueue::output(VertexId id, OutputStream stream, std::string_view text) {
  push(Output{id, stream, std::string(text)}, text.size());
}

void EventQueue::finished(VertexReport report) { push(std::move(report), 0); }

void EventQueue::wake() noexcept {
  const std::uint64_t one = 1;
  // Can only fail when the counter is full, and then it is readable anyway.
  [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
}

void EventQueue::push(Event event, std::size_t bytes) {
  std::unique_lock lock(mutex_);
  if (bytes > 0) room_.wait(lock, [this] { return bytes_ < most_bytes; });
  bytes_ += bytes;
  const bool first = events_.empty();
  events_.push_back(std::move(event));
  if (first) wake();
}

void EventQueue::deliver(Progress& progress, std::chrono::milliseconds patience) {
  pollfd poll{.fd = wake_fd_, .events = POLLIN, .revents = 0};
  if (::poll(&poll, 1, static_cast<int>(patience.count())) > 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake_fd_, &count, sizeof count);
  }
  std::deque<Event> events;
  {
    const std::lock_guard lock(mutex_);
    events.swap(events_);
  }
  for (const Event& event : events) {
    std::visit(Overloaded{
                   [&](const Started& e) { progress.started(e.id); },
                   [&](const Output& e) {
                     progress.output(e.id, e.stream, e.text);
                     const std::lock_guard lock(mutex_);
                     bytes_ -= e.text.size();
                   },
                   [&](const VertexReport& e) { progress.finished(e); },
               },
               event);
    room_.notify_all();
  }
  progress.tick();
}

}  // namespace slipway
