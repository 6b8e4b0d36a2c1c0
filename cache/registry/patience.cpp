#include <cache/registry/patience.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <random>
#include <thread>

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr int most_tries = 4;
// Where a server names the pause, it is the pauses that bound them; but it may name none.
constexpr int most_asked_for = 20;
// A connection that breaks after every few bytes is one that should be given up.
constexpr int most_attempts = 500;
constexpr std::chrono::milliseconds first_pause = 50ms;
constexpr std::chrono::milliseconds longest_pause = 10s;
constexpr std::chrono::milliseconds glance = 50ms;  // how long it may go on after being cancelled

std::chrono::milliseconds spread(std::chrono::milliseconds pause) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto quarter = pause.count() / 4;
  return pause + std::chrono::milliseconds(
                     std::uniform_int_distribution<std::int64_t>(-quarter, quarter)(random));
}

}  // namespace

bool Patience::again(std::optional<std::chrono::seconds> asked_for) {
  if (tries_ >= (asked_for ? most_asked_for : most_tries) || attempts_ >= most_attempts)
    return false;
  std::chrono::milliseconds pause = first_pause;
  for (int i = 0; i < tries_ && pause < longest_pause; ++i) pause *= 4;
  pause = spread(std::min(pause, longest_pause));
  if (asked_for) pause = std::max<std::chrono::milliseconds>(*asked_for, pause);
  if (pause > whole_ - waited_) return false;
  waited_ += pause;
  ++tries_;
  ++attempts_;
  const auto until = std::chrono::steady_clock::now() + pause;
  for (;;) {
    if (cancelled_ && cancelled_()) throw Error("interrupted");
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= 0ms) return true;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, glance));
  }
}

}  // namespace slipway
