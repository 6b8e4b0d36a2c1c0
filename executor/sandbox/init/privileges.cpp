// From all rights to those a step has.
#include "stages.hpp"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>

namespace slipway::init {
namespace {

constexpr long eperm = -1;
constexpr long einval = -22;

// Landlock's of Linux 6.12, which Debian 12's headers do not have.
struct RulesetAttributes {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;
  std::uint64_t scoped;
};
constexpr std::uint64_t scope_abstract_unix_socket = 1;

// An insecure step has its capabilities whoever it is, also past an exec, as BuildKit's.
void keep_capabilities(const Orders& orders) {
  set_capabilities(orders);
  for (std::uint32_t capability = 0; capability < 64; ++capability) {
    const long result =
        system_call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
    if (result == einval) return;  // past the kernel's last
    // One that the builder itself has not.
    if (result != eperm) check(result, Stage::capabilities, capability);
  }
}

// The user of a step that has one id is root to the kernel, and must not have root's rights for it:
// not now, and not by an exec.
void renounce(const Orders& orders) {
  if (orders.plan().uid == 0) return;
  check(system_call(SYS_prctl, PR_SET_SECUREBITS, SECBIT_NOROOT), Stage::user);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {};
  check(system_call(SYS_capset, address(&header), address(none)), Stage::user);
}

}  // namespace

void set_limits(const Orders& orders) {
  const auto* limits = orders.begin<Limit>(orders.plan().limits);
  for (std::uint32_t i = 0; i < orders.plan().limits.count; ++i) {
    const std::uint64_t values[] = {limits[i].soft, limits[i].hard};
    check(system_call(SYS_prlimit64, 0, limits[i].resource, address(values), 0), Stage::limits, i);
  }
}

void drop_bounding_set(const Orders& orders) {
  for (std::uint32_t capability = 0; capability < 64; ++capability) {
    if ((orders.plan().capabilities >> capability & 1) != 0) continue;
    const long result = system_call(SYS_prctl, PR_CAPBSET_DROP, capability);
    if (result == einval) return;  // past the kernel's last
    check(result, Stage::bounding_set, capability);
  }
}

// A step that shares the host's network namespace shares the abstract sockets of the host and of the
// steps beside it.
void scope_sockets(const Orders& orders) {
  if (!orders.has(Plan::scope_sockets)) return;
  const RulesetAttributes attributes = {0, 0, scope_abstract_unix_socket};
  const long ruleset =
      check(system_call(SYS_landlock_create_ruleset, address(&attributes), sizeof(attributes), 0),
            Stage::landlock);
  check(system_call(SYS_landlock_restrict_self, ruleset, 0), Stage::landlock);
  system_call(SYS_close, ruleset);
}

void give_up_new_privileges(const Orders& orders) {
  if (!orders.has(Plan::no_new_privileges)) return;
  check(system_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), Stage::capabilities);
}

// Loaded with CAP_SYS_ADMIN and not with no_new_privs: a step may use setuid programs (sudo, ping),
// as in docker's builds.
void load_filter(const Orders& orders) {
  const List& filter = orders.plan().filter;
  if (filter.count == 0) return;
  struct sock_fprog program = {};
  program.len = static_cast<unsigned short>(filter.count);
  program.filter = const_cast<struct sock_filter*>(orders.begin<struct sock_filter>(filter));
  check(system_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, address(&program)), Stage::filter);
}

void set_capabilities(const Orders& orders) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {};
  // The insecure mode's "all" is what this process has.
  struct __user_cap_data_struct had[2] = {};
  check(system_call(SYS_capget, address(&header), address(had)), Stage::capabilities);
  for (std::uint32_t word = 0; word < 2; ++word) {
    const auto wanted = static_cast<std::uint32_t>(orders.plan().capabilities >> (32 * word));
    data[word].permitted = data[word].effective = wanted & had[word].permitted;
    if (orders.has(Plan::keeps_capabilities)) data[word].inheritable = data[word].permitted;
  }
  system_call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  check(system_call(SYS_capset, address(&header), address(data)), Stage::capabilities);
}

void become_user(const Orders& orders) {
  const Plan& plan = orders.plan();
  system_call(SYS_umask, 0022);
  if (orders.has(Plan::fake_ids)) {
    return orders.has(Plan::keeps_capabilities) ? keep_capabilities(orders) : renounce(orders);
  }
  check(system_call(SYS_setgroups, plan.groups.count,
                    address(orders.begin<std::uint32_t>(plan.groups))),
        Stage::groups);
  check(system_call(SYS_setresgid, plan.gid, plan.gid, plan.gid), Stage::user);
  const bool keeps = orders.has(Plan::keeps_capabilities);
  if (keeps) check(system_call(SYS_prctl, PR_SET_KEEPCAPS, 1), Stage::user);
  check(system_call(SYS_setresuid, plan.uid, plan.uid, plan.uid), Stage::user);
  if (keeps) keep_capabilities(orders);
}

void give_up_rights(const Orders& orders) {
  // The user first: who has not the right to become one is to be it all the same. With one id there is
  // no other to become.
  const bool keeps = orders.has(Plan::keeps_capabilities) || orders.has(Plan::fake_ids);
  if (keeps) set_capabilities(orders);
  become_user(orders);
  if (!keeps) set_capabilities(orders);
}

}  // namespace slipway::init
