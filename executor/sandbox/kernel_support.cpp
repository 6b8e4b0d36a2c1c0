#include <executor/sandbox/kernel_support.hpp>

#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace slipway {

bool landlock_has_scopes() {
  constexpr unsigned ask_version = 1;  // LANDLOCK_CREATE_RULESET_VERSION
  constexpr long version_with_scopes = 6;
  return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, ask_version) >= version_with_scopes;
}

bool has_one_control_group_tree() {
  struct statfs status {};
  return ::statfs("/sys/fs/cgroup", &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

}  // namespace slipway
