// One walk over a directory of the user's.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/stat_cache/stat_cache.hpp>
#include <ir/pattern.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace slipway {

// What the walk saw, kept small: there are as many of these as a context has entries.
struct WalkedEntry {
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  std::string path;
  std::string link_target;  // of a symlink
  FileStamp stamp;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::uint32_t end = 0;           // position behind the last entry at or below this one
  std::uint32_t same_file = none;  // position of an earlier name of the same file
  int error = 0;                   // errno: the directory or link could not be read
  Entry::Type type = Entry::Type::file;
  bool several_names = false;  // more than one hard link
  bool socket = false;         // docker's contexts hold an empty file in its place
};

struct Walked {
  // In path order (path_less), without what `ignore` excludes. A directory that is excluded but
  // holds what is re-included is there.
  std::vector<WalkedEntry> entries;
  std::uint64_t seen = 0;  // also what was left out
};

// Walks the directory open as `root`, on two threads if it is large. Links are not followed. What
// goes away meanwhile is not there; what cannot be read has its `error`. `without`: a directory
// that is left out wherever it is found, known by its device and inode; null: none is.
Walked walk(int root, const IgnoreRules& ignore, const FileStamp* without = nullptr);

}  // namespace slipway
