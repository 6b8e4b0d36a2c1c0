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

struct statx;

namespace slipway {

class StateDirectory;

// What must be the same for a content to count as the same: everything the kernel changes with it.
// The change time is the one that no program can set back.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;     // bytes
  std::int64_t mtime_ns = 0;  // since the epoch
  std::int64_t ctime_ns = 0;
  std::uint32_t mode = 0;  // with the file's type
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
  // When the file was last seen with this stamp, in days since the epoch.
  std::uint32_t seen(std::size_t position) const;

 private:
  struct Mapping;
  std::unique_ptr<const Mapping> mapping_;  // null: empty
};

// Finds files in a cache. What is asked for in path order is found where the last one was, and all
// else by halving.
class StatCacheCursor {
 public:
  explicit StatCacheCursor(const StatCache& cache) : cache_(cache) {}  // borrowed
  // The content's digest if the cache has the path with exactly this stamp.
  std::optional<Digest> find(std::string_view path, const FileStamp& stamp);

 private:
  std::size_t first_not_before(std::string_view path) const;

  const StatCache& cache_;
  std::size_t next_ = 0;
};

// Collects a new stat cache. Not thread-safe.
class StatCacheWriter {
 public:
  // In path order, each path once. `seen`: as StatCache::seen.
  void add(std::string_view path, const FileStamp& stamp, const Digest& digest, std::uint32_t seen);
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

// Replaces a context's stat cache by what one build learned joined with what other builds, which
// may have ended while this one ran, left there. A file that this build did not look at (another
// Dockerfile of the same directory uses it) stays as long as it is as it was.
class StatCacheUpdate {
 public:
  // `context`: an open descriptor of the directory, borrowed. Waits for other updates of it.
  StatCacheUpdate(StateDirectory& state, const std::filesystem::path& file, int context);
  ~StatCacheUpdate();
  // A file that the build saw with this stamp, in path order; `digest`: empty if it has nothing to
  // say of its content.
  void add(std::string_view path, const FileStamp& stamp, const std::optional<Digest>& digest);
  void write();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The stamp of what a statx gave; `path` relative to `directory`, "" is the open file itself. Links
// are not followed. Empty: errno says why.
std::optional<FileStamp> stat_stamp(int directory, const char* path);
// Its two halves, for who needs more of the kernel's answer (statx(2)) than the stamp. False: errno
// says why.
bool stat_name(int directory, const char* path, struct statx& status);
FileStamp stamp_of(const struct statx& status);

// Whether a stamp that was taken at `asked_ns` (since the epoch), before the content was read, will
// differ from that of any later content. Where the clock of change times is coarse, two writes
// within one of its ticks leave the same stamp, so a young file cannot be told from its successor;
// `fine` says that the file system never does that.
bool is_settled(const FileStamp& stamp, std::int64_t asked_ns, bool fine);
// Whether the file system gives a change after a stat a change time of its own: Linux 6.13 and
// later, on the file systems that have multigrain timestamps.
bool has_fine_change_times(int descriptor);
// Whether somebody has the open file open for writing too, perhaps only as a shared mapping. Stores
// into a page of such a mapping that is dirty already leave no mark on the stamp, so nothing that
// is read meanwhile may be remembered. Asked before the stamp is taken. False also where the kernel
// does not tell: file systems without leases, and other users' files without CAP_LEASE.
bool has_writer(int descriptor);

}  // namespace slipway
