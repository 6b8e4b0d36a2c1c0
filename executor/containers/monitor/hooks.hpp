// What the monitor has slipway itself do, being too small for it: `slipway container-hook`.
#pragma once

#include "process.hpp"

#include <cstdint>

namespace slipway::monitor {

enum class Hook : std::uint8_t { end, health, connect };

// Its process; negative: an errno. `end` may be started when the monitor holds nothing any more.
long start_hook(const Instructions& instructions, Hook hook);

// When the next probe of the container's health is due.
class Probes {
 public:
  Probes(const Instructions& instructions, std::uint64_t now);

  bool wanted() const { return interval_ != 0; }
  // Nanoseconds of the monotonic clock. While one runs there is none.
  std::uint64_t next() const { return running_ != 0 ? ~std::uint64_t{0} : next_; }
  void begin(long process) { running_ = process; }
  // A container that stands still is not asked.
  void put_off(std::uint64_t now) { next_ = now + interval_; }
  // True: it was that one. `status`: of wait4(2).
  bool ended(long process, int status, std::uint64_t now);

 private:
  std::uint64_t interval_;
  std::uint64_t start_interval_;
  std::uint64_t starts_until_;  // until then, and until one has succeeded, they come more often
  std::uint64_t next_;
  long running_ = 0;
};

}  // namespace slipway::monitor
