// The stat cache: what a build context's files contained when they were last read.
//
// One file per context, replaced whole, so that an unchanged context costs a walk and not a read
// (DESIGN §2). It only ever saves time: whatever is wrong with it, it counts as empty.
#pragma once

#include <ir/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

class StateDirectory;

// What must be the same for a content to count as the same: everything the kernel changes with it.
// The change time is the one that no program can set back.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;      // bytes
  std::int64_t mtime_ns = 0;   // since the epoch
  std::int64_t ctime_ns = 0;
  std::uint32_t mode = 0;      // with the file's type
  bool operator==(const FileStamp&) const = default;
};

// A stat cache as it was found. Immutable and thread-safe.
class StatCache {
 public:
  StatCache();  // empty
  // Maps the file. Missing, damaged or of another format: empty.
  static StatCache open(const std::filesystem::path& file) noexcept;
  StatCache(StatCache&&) noexcept;
  StatCache& operator=(StatCache&&) noexcept;
  ~StatCache();

  // Files, in path order (path_less).
  std::size_t size() const;
  std::string_view path(std::size_t position) const;
  FileStamp stamp(std::size_t position) const;
  Digest digest(std::size_t position) const;

 private:
  struct Mapping;
  std::unique_ptr<const Mapping> mapping_;  // null: empty
};

// Joins a cache with files that are asked for in path order, in one pass over both.
class StatCacheCursor {
 public:
  explicit StatCacheCursor(const StatCache& cache) : cache_(cache) {}  // borrowed
  // The content's digest if the cache has the path with exactly this stamp. Paths never go back.
  std::optional<Digest> find(std::string_view path, const FileStamp& stamp);

 private:
  const StatCache& cache_;
  std::size_t position_ = 0;
};

// Collects a new stat cache. Not thread-safe.
class StatCacheWriter {
 public:
  // In path order, each path once.
  void add(std::string_view path, const FileStamp& stamp, const Digest& digest);
  // Replaces `file` in one step: written to `aside`, on the same file system, and renamed. Of
  // several writers one wins, whole. Throws Error.
  void write(const std::filesystem::path& aside, const std::filesystem::path& file);

 private:
  std::string records_;
  std::string paths_;
  std::uint64_t count_ = 0;
};

// Where the stat cache of a context lies, told by the directory's real path.
std::filesystem::path stat_cache_file(const StateDirectory& state,
                                      const std::filesystem::path& context);

// Whether a stamp that was taken at `asked_ns` (since the epoch), before the content was read, will
// differ from that of any later content. Where the clock of change times is coarse, two writes
// within one of its ticks leave the same stamp, so a young file cannot be told from its successor;
// `fine` says that the file system never does that.
bool is_settled(const FileStamp& stamp, std::int64_t asked_ns, bool fine);
// Whether the file system gives a change after a stat a change time of its own: Linux 6.13 and
// later, on the file systems that have multigrain timestamps.
bool has_fine_change_times(int descriptor);

}  // namespace slipway
