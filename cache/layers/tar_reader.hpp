// A tar of unknown origin, entry by entry.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/extract.hpp>
#include <cache/stream.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace slipway {

// What one header says. `entry.path` is clean (no leading '/', no "." or ".."), and so is
// `entry.hard_link`; both may lead through links. Neither is known to exist.
struct TarEntry {
  Entry entry;
  bool is_hard_link = false;  // of the root too, whose path is ""
};

// libarchive's reader with our rules on top. Not thread-safe.
class TarReader {
 public:
  TarReader(ByteSource& source, const ExtractLimits& limits);  // borrowed
  ~TarReader();

  // The next entry; empty at the end. Throws Error for what is malformed, leads out of the root
  // or is beyond the limits.
  std::optional<TarEntry> next();
  // The current regular file's bytes, holes filled; 0 at its end.
  std::size_t read(std::span<std::byte> buffer);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway
