#include <cache/stat_cache/stat_cache.hpp>

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace slipway {
namespace {

std::int64_t nanoseconds(const struct statx_timestamp& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

bool stat_name(int directory, const char* path, struct statx& status) {
  constexpr int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;
  return ::syscall(SYS_statx, directory, path, flags, STATX_BASIC_STATS, &status) == 0;
}

FileStamp stamp_of(const struct statx& status) {
  FileStamp stamp;
  stamp.device = makedev(status.stx_dev_major, status.stx_dev_minor);
  stamp.inode = status.stx_ino;
  stamp.size = status.stx_size;
  stamp.mtime_ns = nanoseconds(status.stx_mtime);
  stamp.ctime_ns = nanoseconds(status.stx_ctime);
  stamp.mode = status.stx_mode;
  return stamp;
}

std::optional<FileStamp> stat_stamp(int directory, const char* path) {
  struct statx status {};
  if (!stat_name(directory, path, status)) return std::nullopt;
  return stamp_of(status);
}

}  // namespace slipway
