// What a cache mount holds: its entries, as they are exported and restored.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/stat_cache/stat_cache.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace slipway {

// A part of a file that is no hole, bytes.
struct DataRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool operator==(const DataRange&) const = default;
};

struct MountEntry {
  // Files, directories, symlinks and pipes. `content` has no meaning here.
  Entry entry;
  std::uint32_t nanoseconds =
      0;                        // of its time: compilers' caches compare times to their last digit
  std::vector<DataRange> data;  // of a file that is not a hard link: in order, without empty ones
  std::uint64_t position = 0;   // of its data in the content that is exported (document.hpp)
  bool operator==(const MountEntry&) const = default;
};

// Bytes of `data`.
std::uint64_t data_size(const MountEntry& entry);

struct MountTree {
  std::vector<MountEntry> entries;  // in path order; the first is the directory itself
  std::vector<FileStamp> stamps;    // of each entry, as it was when it was seen
  std::size_t left_out = 0;         // sockets and devices: they mean nothing on another machine
};

// Reads no content. Links are not followed. `cancelled` ends it with an Error; may be empty.
MountTree read_mount_tree(const std::filesystem::path& directory,
                          const std::function<bool()>& cancelled);

}  // namespace slipway
