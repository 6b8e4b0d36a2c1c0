// Steps, for `slipway doctor`: what the sandbox stands on, a step in it, and one by chroot.
#include "doctor.hpp"

#include "doctor_attempt.hpp"

#include <cache/user_namespace.hpp>
#include <executor/sandbox/seccomp/filter.hpp>
#include <executor/snapshot/overlay.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

// A file through an overlay on the store's file system, and in its upper directory.
std::string try_overlay(const fs::path& root) {
  enter_user_namespace();
  const TrialFolder folder(root);
  for (const char* name : {"lower", "upper", "work"}) {
    if (::mkdir((folder.path() / name).c_str(), 0755) != 0) {
      throw system_error("mkdir", (folder.path() / name).string(), errno);
    }
  }
  const FileDescriptor mount = mount_overlay(
      {folder.path() / "lower"}, OverlayTop{folder.path() / "upper", folder.path() / "work"});
  const FileDescriptor file(
      ::openat(mount.get(), "file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) throw system_error("openat", "a file of an overlay", errno);
  if (::access((folder.path() / "upper" / "file").c_str(), F_OK) != 0) {
    throw system_error("access", "the upper file of an overlay", errno);
  }
  return {};
}

Ability overlay(const Machine& machine) {
  Ability row{.name = "overlayfs"};
  const Attempt tried = attempt([&machine] { return try_overlay(machine.root); });
  row.works = tried.worked;
  row.meaning = tried.worked ? "RUN's root is one, on the store's file system"
                             : "RUN has no root in the sandbox: " + tried.reason;
  if (tried.worked) return row;
  if (::geteuid() == 0 && !has_capability(CAP_SYS_ADMIN)) {
    row.mend = "that of the rights, above";
    return row;
  }
  row.mend = !tried.hint.empty() ? tried.hint
                                 : "modprobe overlay, and --root on a local file system such as "
                                   "ext4, xfs or tmpfs";
  return row;
}

Ability filter() {
  Ability row{.name = "seccomp"};
  const Attempt tried = attempt([] {
    const auto instructions = seccomp::filter();
    sock_fprog program{};
    program.len = static_cast<unsigned short>(instructions.size());
    // The kernel's own structure, under another name.
    program.filter =
        reinterpret_cast<sock_filter*>(const_cast<seccomp::Instruction*>(instructions.data()));
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
      throw system_error("seccomp", "", errno);
    }
    return std::string();
  });
  row.works = tried.worked;
  row.meaning = tried.worked ? "RUN gets docker's system calls and no others"
                             : "the sandbox cannot filter RUN's system calls: " + tried.reason;
  if (!tried.worked) row.mend = "boot a kernel with CONFIG_SECCOMP_FILTER";
  return row;
}

Ability sockets() {
  Ability row{.name = "landlock"};
  const Attempt tried = attempt([] {
    struct {
      std::uint64_t files = 0;
      std::uint64_t ports = 0;
      std::uint64_t scoped = 1;  // LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
    } rules;
    const long made = ::syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
    if (made < 0) throw system_error("landlock_create_ruleset", "", errno);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_landlock_restrict_self, made, 0) != 0) {
      throw system_error("landlock_restrict_self", "", errno);
    }
    return std::string();
  });
  row.works = tried.worked;
  row.meaning =
      tried.worked
          ? "abstract sockets of this machine are out of RUN's reach"
          : "RUN reaches abstract sockets where it has this machine's network: " + tried.reason;
  if (!tried.worked) row.mend = "boot Linux 6.12 or newer with landlock in its lsm= parameter";
  return row;
}

Ability step(const Machine& machine, bool in_sandbox) {
  Ability row{.name = in_sandbox ? "sandbox" : "chroot"};
  const auto before = std::chrono::steady_clock::now();
  const Attempt tried = attempt([&] {
    run_trial_step(machine.root, {.in_sandbox = in_sandbox});
    return std::string();
  });
  const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - before);
  row.works = tried.worked;
  if (tried.worked) {
    row.meaning = in_sandbox ? "a step ran in " + std::to_string(time.count()) + " ms"
                             : "a step ran; --isolation=chroot is the last resort, and no wall";
    return row;
  }
  row.meaning = (in_sandbox ? "no step runs in it: " : "no last resort: ") + tried.reason;
  if (!in_sandbox && ::geteuid() != 0) {
    row.mend = "run slipway as root: who has the sandbox needs no chroot";
  } else {
    row.mend = !tried.hint.empty() ? tried.hint : "that of what is missing above";
  }
  return row;
}

}  // namespace

std::vector<Ability> examine_steps(Machine& machine) {
  std::vector<Ability> rows = {overlay(machine), filter(), sockets(), step(machine, true),
                               step(machine, false)};
  machine.sandbox = rows[3].works;
  machine.chroot = rows[4].works;
  if (!machine.sandbox && machine.chroot) {
    // A filter would take set-user-ID programs from a step, where this right is not there.
    if (rows[1].works && !has_capability(CAP_SYS_ADMIN))
      rows[1].meaning = "for the sandbox; by chroot RUN has this container's filter";
    if (rows[2].works)
      rows[2].meaning = "for the sandbox; by chroot RUN reaches this container's abstract sockets";
  }
  rows[3].required = !machine.chroot;
  rows[4].required = !machine.sandbox;
  return rows;
}

}  // namespace slipway
