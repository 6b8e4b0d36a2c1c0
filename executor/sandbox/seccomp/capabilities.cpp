// What docker's profile lets through for capabilities that are none of the default ones.
#include <executor/sandbox/seccomp/filter.hpp>

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cstddef>
#include <initializer_list>

namespace slipway::seccomp {
namespace {

struct Unlocked {
  int capability;
  std::initializer_list<std::uint32_t> calls;
};

// Calls that the table allows to everyone are left out, and so are those that are gone from Linux.
const Unlocked unlocked[] = {
    {CAP_DAC_READ_SEARCH, {SYS_open_by_handle_at}},
    {CAP_SYS_ADMIN,
     {SYS_bpf,         SYS_clone,         SYS_clone3,          SYS_fanotify_init, SYS_fsconfig,
      SYS_fsmount,     SYS_fsopen,        SYS_fspick,          SYS_mount,         SYS_mount_setattr,
      SYS_move_mount,  SYS_open_tree,     SYS_perf_event_open, SYS_pivot_root,    SYS_quotactl,
      SYS_quotactl_fd, SYS_setdomainname, SYS_sethostname,     SYS_setns,         SYS_syslog,
      SYS_umount2,     SYS_unshare}},
    {CAP_SYS_BOOT, {SYS_reboot}},
    {CAP_SYS_MODULE, {SYS_delete_module, SYS_init_module, SYS_finit_module}},
    {CAP_SYS_PACCT, {SYS_acct}},
    {CAP_SYS_PTRACE, {SYS_kcmp, SYS_pidfd_getfd, SYS_process_madvise}},
#if defined(__x86_64__)
    {CAP_SYS_RAWIO, {SYS_iopl, SYS_ioperm}},
#endif
    {CAP_SYS_TIME, {SYS_settimeofday, SYS_clock_settime}},
    {CAP_SYS_TTY_CONFIG, {SYS_vhangup}},
    {CAP_SYS_NICE,
     {SYS_get_mempolicy, SYS_mbind, SYS_set_mempolicy, 450 /* set_mempolicy_home_node */}},
    {CAP_SYSLOG, {SYS_syslog}},
    {CAP_BPF, {SYS_bpf}},
    {CAP_PERFMON, {SYS_perf_event_open}},
};

#if defined(__x86_64__)
constexpr std::uint32_t native = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t native = AUDIT_ARCH_AARCH64;
#endif

}  // namespace

// Stands before the compiled filter: a call that is unlocked is let through, for every other one
// the filter begins as ever.
std::vector<Instruction> filter_for(std::uint64_t capabilities) {
  std::vector<std::uint32_t> calls;
  for (const Unlocked& one : unlocked) {
    if ((capabilities >> one.capability & 1) != 0) calls.insert(calls.end(), one.calls);
  }
  if (calls.empty()) return {};
  const auto load = [](std::size_t offset) {
    return Instruction{BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)};
  };
  std::vector<Instruction> all;
  all.push_back(load(offsetof(seccomp_data, arch)));
  // Past the part: its loading, a test for each call, and the permission.
  const auto part = static_cast<std::uint8_t>(calls.size() + 2);
  all.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, part, native});
  all.push_back(load(offsetof(seccomp_data, nr)));
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const bool last = i + 1 == calls.size();
    const auto permission = static_cast<std::uint8_t>(calls.size() - i - 1);
    all.push_back(
        {BPF_JMP | BPF_JEQ | BPF_K, permission, static_cast<std::uint8_t>(last ? 1 : 0), calls[i]});
  }
  all.push_back({BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW});
  const auto rest = filter();
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

}  // namespace slipway::seccomp
