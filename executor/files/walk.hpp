// Reading a directory of the user's: one after the other, or many on two threads.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/stat_cache/stat_cache.hpp>
#include <executor/files/walk_filter.hpp>
#include <ir/digest.hpp>
#include <ir/pattern.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

struct Directory;

// What was seen of one name. Kept small: there are as many of these as a context has entries.
struct WalkedEntry {
  FileStamp stamp;
  Digest content;  // of a file, once known; this and the next two are guarded by who reads contents
  bool content_known = false;
  bool settled = false;  // the stamp tells the content from any later one

  Entry::Type type = Entry::Type::file;
  bool several_names = false;  // more than one hard link
  bool socket = false;         // docker's contexts hold an empty file in its place
  bool excluded = false;       // a directory that is here only for what may be re-included in it
  // Of such a directory: what is in it. Set by who asks first.
  enum class Included : std::uint8_t { unknown, something, nothing };
  Included included = Included::unknown;
  std::uint16_t name_size = 0;
  std::uint32_t name_at = 0;  // in the directory's text
  std::uint32_t link_at = 0;  // a symlink's target, there too
  std::uint32_t link_size = 0;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::int32_t error = 0;            // errno: it could not be looked at
  std::unique_ptr<Directory> below;  // of a directory; null: not read
};

// A directory that was read, without what .dockerignore leaves out.
struct Directory {
  std::string path;                  // from the context's root; empty: the root
  std::vector<WalkedEntry> entries;  // in byte order of their names
  std::string text;
  std::uint64_t seen = 0;  // names, also those that were left out
  std::int32_t error = 0;  // errno: it could not be read

  std::string_view name_of(const WalkedEntry& entry) const {
    return std::string_view(text).substr(entry.name_at, entry.name_size);
  }
  std::string_view link_target_of(const WalkedEntry& entry) const {
    return std::string_view(text).substr(entry.link_at, entry.link_size);
  }
  std::string path_of(const WalkedEntry& entry) const;
  // Null: there is no such name.
  WalkedEntry* find(std::string_view name);
};

// A directory that was read where there was none yet, and the entry it belongs below.
using NewDirectories = std::vector<std::pair<WalkedEntry*, std::unique_ptr<Directory>>>;

// What is walked; all is borrowed.
struct WalkRoot {
  int descriptor = -1;  // of the open directory
  const IgnoreRules* ignore = nullptr;
  // A directory that is left out wherever it is found, known by its device and inode; null: none.
  const FileStamp* without = nullptr;
  // Set by whoever wants walk() to end early, with an Error; null: nobody does.
  const std::atomic<bool>* stopped = nullptr;
};

// Reads the one directory `path` beneath the root. Links are not followed. What goes
// away meanwhile is not there; what cannot be read has its `error`.
std::unique_ptr<Directory> read_directory(const WalkRoot& root, std::string path);

// Reads all directories at and below `top` that were not read before, on two threads if they are
// many. What is there already is only looked at, so that others may do the same meanwhile: what
// belongs below it is given back.
NewDirectories walk(const WalkRoot& root, Directory& top, const WalkFilter& filter);

}  // namespace slipway
