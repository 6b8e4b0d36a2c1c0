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

// Of a step's output. Two hundred steps that all flood theirs then need 50 MB.
constexpr std::size_t most_bytes = 256U << 10U;
// When a step may go on that had no room: not for every line.
constexpr std::size_t few_bytes = most_bytes / 2;

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

}  // namespace

EventQueue::EventQueue() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_fd_ < 0) throw system_error("eventfd", "", errno);
}

EventQueue::~EventQueue() { ::close(wake_fd_); }

void EventQueue::started(VertexId id) { push(Started{id}); }

void EventQueue::output(VertexId id, OutputStream stream, std::string_view text) {
  push(Output{id, stream, std::string(text)});
}

void EventQueue::finished(VertexReport report) { push(std::move(report)); }

bool EventQueue::has_room(VertexId id) {
  const std::lock_guard lock(mutex_);
  OnItsWay& step = on_its_way_[index_of(id)];
  if (step.bytes < most_bytes) return true;
  step.refused = true;
  return false;
}

void EventQueue::await_room(VertexId id) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this, id] { return on_its_way_[index_of(id)].bytes < most_bytes; });
}

void EventQueue::wake() noexcept {
  const std::uint64_t one = 1;
  // Can only fail when the counter is full, and then it is readable anyway.
  [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
}

void EventQueue::push(Event event) {
  const std::lock_guard lock(mutex_);
  if (const auto* output = std::get_if<Output>(&event)) {
    on_its_way_[index_of(output->id)].bytes += output->text.size();
  }
  if (const auto* started = std::get_if<Started>(&event)) unfinished_.insert(started->id);
  if (const auto* report = std::get_if<VertexReport>(&event)) unfinished_.erase(report->vertex);
  const bool first = events_.empty();
  events_.push_back(std::move(event));
  if (first) wake();
}

void EventQueue::taken(const Event& event) {
  const auto* output = std::get_if<Output>(&event);
  if (output == nullptr) return;
  const std::lock_guard lock(mutex_);
  on_its_way_[index_of(output->id)].bytes -= output->text.size();
  room_.notify_all();
}

std::vector<VertexId> EventQueue::unfinished() {
  const std::lock_guard lock(mutex_);
  return {unfinished_.begin(), unfinished_.end()};
}

std::vector<VertexId> EventQueue::deliver(Progress& progress, std::chrono::milliseconds patience) {
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
  std::size_t next = 0;
  try {
    while (next < events.size()) {
      const Event& event = events[next++];
      taken(event);
      std::visit(Overloaded{
                     [&](const Started& e) { progress.started(e.id); },
                     [&](const Output& e) { progress.output(e.id, e.stream, e.text); },
                     [&](const VertexReport& e) { progress.finished(e); },
                 },
                 event);
    }
    progress.tick();
  } catch (...) {
    // Nobody waits for what will never be shown.
    while (next < events.size()) taken(events[next++]);
    throw;
  }
  std::vector<VertexId> welcome;
  const std::lock_guard lock(mutex_);
  for (auto& [index, step] : on_its_way_) {
    if (!step.refused || step.bytes > few_bytes) continue;
    step.refused = false;
    welcome.push_back(VertexId{static_cast<std::uint32_t>(index)});
  }
  return welcome;
}

}  // namespace slipway
