// Work on files while it goes on: counted by the threads that do it, asked and ended by others.
#pragma once

#include <atomic>
#include <cstdint>

namespace slipway {

// Counters that nothing is decided by, so their order against other memory does not matter; and a
// flag that the work looks at between two files, and within large ones.
struct FileWork {
  std::atomic<std::uint64_t> files{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<bool> stopped{false};
};

}  // namespace slipway
