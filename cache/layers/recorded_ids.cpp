#include <cache/layers/recorded_ids.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>

namespace slipway {
namespace {

// Only files and directories can have user.* attributes (xattr(7)).
bool can_have_it(mode_t mode) { return S_ISREG(mode) || S_ISDIR(mode); }

int record(const std::string& path, std::uint32_t uid, std::uint32_t gid) {
  const char* const name = owner_attribute.data();
  if (uid == 0 && gid == 0) {
    return ::removexattr(path.c_str(), name) == 0 || errno == ENODATA ? 0 : -1;
  }
  const std::string value = std::to_string(uid) + ":" + std::to_string(gid);
  return ::setxattr(path.c_str(), name, value.data(), value.size(), 0);
}

std::string path_of(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

}  // namespace

bool ids_are_recorded() {
  static const bool one_id = [] {
    std::ifstream map("/proc/self/uid_map");
    std::uint64_t inside = 0;
    std::uint64_t outside = 0;
    std::uint64_t count = 0;
    std::uint64_t another = 0;
    map >> inside >> outside >> count;
    return map && inside == 0 && count == 1 && !(map >> another);
  }();
  return one_id;
}

int give_owner(int file, std::uint32_t uid, std::uint32_t gid) {
  return ids_are_recorded() ? record(path_of(file), uid, gid) : ::fchown(file, uid, gid);
}

int give_owner(int directory, const char* name, std::uint32_t uid, std::uint32_t gid) {
  if (!ids_are_recorded()) return ::fchownat(directory, name, uid, gid, AT_SYMLINK_NOFOLLOW);
  struct stat status {};
  if (::fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return -1;
  if (!can_have_it(status.st_mode)) return 0;
  return record(*name == '/' ? name : path_of(directory) + "/" + name, uid, gid);
}

Error owner_error(std::string_view path, std::uint32_t uid, std::uint32_t gid, int error_number) {
  if (error_number != EINVAL) return system_error("fchown", path, error_number);
  return Error(quoted(path) + " belongs to " + std::to_string(uid) + ":" + std::to_string(gid) +
               ", and this user namespace has no such id")
      .hint(more_ids_hint);
}

std::optional<OwnerIds> recorded_owner(std::string_view value) {
  OwnerIds owner;
  const char* const end = value.data() + value.size();
  const auto user = std::from_chars(value.data(), end, owner.first);
  if (user.ec != std::errc() || user.ptr == end || *user.ptr != ':') return std::nullopt;
  const auto group = std::from_chars(user.ptr + 1, end, owner.second);
  if (group.ec != std::errc() || group.ptr != end) return std::nullopt;
  return owner;
}

}  // namespace slipway
