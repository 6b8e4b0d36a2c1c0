// Blobs on their way from or to a registry, shown on stderr as docker shows them: on a terminal a
// line each, drawn anew in place with bytes and rate; elsewhere a line for what was done, and for
// what takes long now and then one in between.
#pragma once

#include "signals.hpp"

#include <cache/images/manifest.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace slipway {

// Not thread-safe.
class TransferLines {
 public:
  enum class Shown { nothing, lines, terminal };
  // terminal where stderr is one that can move its cursor, else lines.
  static Shown by_stderr(bool quiet);

  // `moving`: what happens to those whose bytes are told ("Downloading"). `each`: whether lines
  // that are not drawn in place say what became of each.
  TransferLines(Shown shown, std::string moving, bool each = true);
  ~TransferLines();
  TransferLines(const TransferLines&) = delete;

  // The lines so far are drawn a last time; the next ones stand below them.
  void end();
  // The same, and a line of text in between, which may be a stranger's: its control characters are
  // not shown.
  void say(const std::string& text);
  // The place that names it from here, until the next end().
  std::size_t add(const BlobDescriptor& blob, const std::string& state);
  // So many of its bytes were there before: they do not count for the rate.
  void resumed(std::size_t place, std::uint64_t bytes);
  // So many are there now.
  void moved(std::size_t place, std::uint64_t bytes);
  void ended(std::size_t place, const std::string& state);

 private:
  using Clock = std::chrono::steady_clock;
  struct Line {
    std::string id;
    std::string state;
    std::uint64_t size = 0;
    std::uint64_t bytes = 0;
    bool moving = false;
    bool ended = false;
    // Where the rate is measured from: the second half of the last seconds.
    Clock::time_point since{};
    std::uint64_t since_bytes = 0;
    Clock::time_point next_since{};
    std::uint64_t next_bytes = 0;
    Clock::time_point told{};
  };
  std::string amounts(const Line& line, Clock::time_point now) const;
  std::string row(const Line& line, Clock::time_point now, std::size_t columns) const;
  void draw(bool last);

  const Shown shown_;
  const std::string moving_;
  const bool each_;
  std::vector<Line> lines_;
  std::size_t drawn_rows_ = 0;
  Clock::time_point drawn_{};
  const ShowCursorOnSignal on_signal_;
};

// "12.3MB/s"; empty where nothing was to be measured.
std::string rate_text(std::uint64_t bytes, std::chrono::nanoseconds time);

}  // namespace slipway
