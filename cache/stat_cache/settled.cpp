// Which stamps may be trusted: the racy-timestamp rule.
#include <cache/stat_cache/stat_cache.hpp>

#include <fcntl.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace slipway {
namespace {

// Two seconds: the coarsest clock that a file system's change times still have (FAT), and far more
// than a kernel tick.
constexpr std::int64_t coarse_ns = 2'000'000'000;

// linux/magic.h has no XFS, and its others are not all in every release.
constexpr std::uint64_t ext4 = 0xEF53;
constexpr std::uint64_t xfs = 0x58465342;
constexpr std::uint64_t btrfs = 0x9123683E;
constexpr std::uint64_t tmpfs = 0x01021994;

bool kernel_is_multigrain() {
  utsname system{};
  if (::uname(&system) != 0) return false;
  char* end = nullptr;
  const long major = std::strtol(system.release, &end, 10);
  const long minor = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
  return major > 6 || (major == 6 && minor >= 13);
}

}  // namespace

bool is_settled(const FileStamp& stamp, std::int64_t asked_ns, bool fine) {
  // A change time ahead of the clock says that the clock was set back: nothing is certain then.
  if (stamp.ctime_ns > asked_ns) return false;
  return fine || stamp.ctime_ns < asked_ns - coarse_ns;
}

// A read lease is refused exactly while somebody may write, and a mapping keeps its file open. It
// is given back at once: held while the file is read, it would make whoever opens it for writing
// wait. Should one come just between the two calls, the kernel's signal is one that does nothing.
bool has_writer(int descriptor) {
  if (::fcntl(descriptor, F_SETSIG, SIGURG) != 0) return false;
  if (::fcntl(descriptor, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  ::fcntl(descriptor, F_SETLEASE, F_UNLCK);
  return false;
}

bool has_fine_change_times(int descriptor) {
  static const bool kernel = kernel_is_multigrain();
  struct statfs system {};
  if (!kernel || ::fstatfs(descriptor, &system) != 0) return false;
  const auto type = static_cast<std::uint64_t>(system.f_type);
  return type == ext4 || type == xfs || type == btrfs || type == tmpfs;
}

}  // namespace slipway
