// The store, for `slipway doctor`: where it is, and whether there is room.
#include "doctor.hpp"

#include "doctor_attempt.hpp"
#include "owned_store.hpp"
#include "table.hpp"

#include <ir/error.hpp>

#include <linux/magic.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

// A base image of a distribution with a compiler in it takes about as much.
constexpr std::uint64_t little_room = 2'000'000'000;
constexpr std::uint64_t few_files = 100'000;

struct Known {
  long magic;
  const char* name;
};
constexpr std::array known = {
    Known{EXT4_SUPER_MAGIC, "ext4"},
    Known{XFS_SUPER_MAGIC, "xfs"},
    Known{BTRFS_SUPER_MAGIC, "btrfs"},
    Known{TMPFS_MAGIC, "tmpfs"},
    Known{OVERLAYFS_SUPER_MAGIC, "overlayfs"},
    Known{NFS_SUPER_MAGIC, "NFS"},
    Known{FUSE_SUPER_MAGIC, "FUSE"},
    Known{F2FS_SUPER_MAGIC, "f2fs"},
    Known{0x2fc12fc1, "zfs"},
    Known{0xca451a4e, "bcachefs"},
};

std::string file_system_of(const std::filesystem::path& folder) {
  struct statfs status {};
  if (::statfs(folder.c_str(), &status) != 0) return "an unknown file system";
  for (const Known& one : known) {
    if (static_cast<long>(status.f_type) == one.magic) return one.name;
  }
  return "another file system";
}

void require_no_file_there(const std::filesystem::path& root) {
  const std::filesystem::path parent = nearest_directory(root);
  const std::filesystem::path below = std::filesystem::absolute(root).lexically_relative(parent);
  if (below.empty()) return;
  const std::filesystem::path first = parent / *below.begin();
  if (std::filesystem::exists(std::filesystem::symlink_status(first))) {
    throw Error(quoted(first.string()) + " is no directory");
  }
}

Ability directory(const Machine& machine) {
  Ability row{.name = "directory"};
  std::error_code ignored;
  const bool exists = std::filesystem::is_directory(machine.root, ignored);
  const Attempt tried = attempt([&] {
    if (exists) {
      const OwnedStore opened(machine.root);
    } else {
      enter_user_namespace();
      require_no_file_there(machine.root);
      const TrialFolder folder(machine.root);
    }
    return std::string();
  });
  row.works = tried.worked;
  const std::string place =
      machine.root.string() + " on " + file_system_of(nearest_directory(machine.root));
  if (tried.worked) {
    row.meaning = place + (exists ? "" : "; the first build makes it");
    return row;
  }
  row.meaning = place + " cannot be used: " + tried.reason;
  row.mend = !tried.hint.empty() ? tried.hint : "export SLIPWAY_ROOT=DIRECTORY, one of your own";
  return row;
}

Ability room(const Machine& machine) {
  Ability row{.name = "room"};
  struct statvfs status {};
  const std::filesystem::path folder = nearest_directory(machine.root);
  if (::statvfs(folder.c_str(), &status) != 0) {
    row.meaning = system_error("statvfs", folder.string(), errno).what();
    row.mend = "export SLIPWAY_ROOT=DIRECTORY, one of your own";
    return row;
  }
  const std::uint64_t free = std::uint64_t{status.f_bavail} * status.f_frsize;
  // Some file systems count no files.
  const bool counts = status.f_files != 0;
  const std::uint64_t files = status.f_favail;
  row.works = free >= little_room && (!counts || files >= few_files);
  row.meaning = size_text(free) + " free" +
                (counts ? ", for " + std::to_string(files) + " files" : std::string());
  if (!row.works) {
    row.meaning += ": larger images will not fit";
    row.mend = "export SLIPWAY_ROOT=DIRECTORY, one on a larger disk";
  }
  return row;
}

}  // namespace

std::vector<Ability> examine_store(Machine& machine) {
  return {directory(machine), room(machine)};
}

}  // namespace slipway
