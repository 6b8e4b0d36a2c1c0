// Which system calls have to do with other ids than the user's one, and what init does in the
// kernel's place (seccomp_unotify(2)).
#include "fake_ids.hpp"

#include "asker.hpp"
#include "text.hpp"

#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/ioctl.h>
#include <linux/seccomp.h>
#include <linux/stat.h>

namespace slipway::init {
namespace {

constexpr std::uint32_t keep = ~std::uint32_t{0};  // -1: "leave it as it is"
constexpr std::uint32_t type_mask = 0170000;  // glibc's headers keep the kernel's names away
constexpr std::uint32_t regular_file = 0100000;
constexpr long eperm = -1;
constexpr long einval = -22;
constexpr long enosys = -38;

constexpr std::uint32_t intercepted[] = {
#if defined(__x86_64__)
    SYS_chown,     SYS_lchown,
#endif
    SYS_fchown,    SYS_fchownat,  SYS_setuid,    SYS_setgid,    SYS_setreuid,  SYS_setregid,
    SYS_setresuid, SYS_setresgid, SYS_setfsuid,  SYS_setfsgid,  SYS_setgroups, SYS_getuid,
    SYS_geteuid,   SYS_getgid,    SYS_getegid,   SYS_getresuid, SYS_getresgid, SYS_getgroups};
constexpr std::size_t count = sizeof(intercepted) / sizeof(intercepted[0]);

#if defined(__x86_64__)
constexpr std::uint32_t native = 0xc000003e;  // AUDIT_ARCH_X86_64
#else
constexpr std::uint32_t native = 0xc00000b7;  // AUDIT_ARCH_AARCH64
#endif

// As the kernel: a change of owner takes set-user-ID and set-group-ID from what is no directory,
// and capabilities.
void take_privileges(long file, const char* path) {
  struct statx status = {};
  if (system_call(SYS_statx, file, address(""), AT_EMPTY_PATH, STATX_TYPE | STATX_MODE,
                  address(&status)) != 0 ||
      (status.stx_mode & type_mask) != regular_file) {
    return;
  }
  const std::uint32_t before = status.stx_mode & 07777U;
  std::uint32_t mode = before & ~04000U;
  if ((mode & 010U) != 0) mode &= ~02000U;
  if (mode != before) {
    system_call(SYS_fchmodat, AT_FDCWD, address(path), static_cast<long>(mode));
  }
  system_call(SYS_removexattr, address(path), address("security.capability"));
}

// chown(2) of an open file. What cannot have the attribute (a link, a pipe) keeps the owner that
// the layers below know of.
long give(long file, std::uint32_t uid, std::uint32_t gid) {
  constexpr const char* name = "user.slipway.owner";
  char path[32];
  Text(path, sizeof(path)).add("/proc/self/fd/").add(static_cast<std::uint64_t>(file));
  char owner[32];
  std::uint64_t ids[2] = {0, 0};
  const long had = system_call(SYS_getxattr, address(path), address(name), address(owner),
                               sizeof(owner) - 1);
  if (had > 0) {
    owner[had] = 0;
    const char* rest = owner;
    ids[0] = read_number(rest);
    if (*rest == ':') ids[1] = read_number(++rest);
  }
  if (uid != keep) ids[0] = uid;
  if (gid != keep) ids[1] = gid;
  Text(owner, sizeof(owner)).add(ids[0]).add(":").add(ids[1]);
  const long result = system_call(SYS_setxattr, address(path), address(name), address(owner),
                                  static_cast<long>(length(owner)), 0);
  if (result == eperm) return 0;
  if (result == 0) take_privileges(file, path);
  return result;
}

long change_owner(const Asker& asker, long directory, std::uint64_t path, std::uint64_t uid,
                  std::uint64_t gid, long flags) {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return einval;
  const long file = asker.open(directory, path, flags);
  if (file < 0) return file;
  const auto user = static_cast<std::uint32_t>(uid);
  const auto group = static_cast<std::uint32_t>(gid);
  const bool nothing = user == keep && group == keep;
  long result = 0;
  if (!nothing) {
    result = asker.ids().user.effective == 0 ? give(file, user, group) : eperm;
  }
  system_call(SYS_close, file);
  return result;
}

bool has(const Triple& ids, std::uint32_t id) {
  return id == keep || id == ids.real || id == ids.effective || id == ids.saved;
}

// setresuid(2) of one of the two kinds of ids.
long change(Triple& ids, bool privileged, std::uint32_t real, std::uint32_t effective,
            std::uint32_t saved) {
  if (!privileged && !(has(ids, real) && has(ids, effective) && has(ids, saved))) return eperm;
  if (real != keep) ids.real = real;
  if (effective != keep) ids.effective = effective;
  if (saved != keep) ids.saved = saved;
  return 0;
}

// setuid(2): all of them for root, the effective one for others.
long change_one(Triple& ids, bool privileged, std::uint32_t id) {
  if (id == keep) return einval;
  return privileged ? change(ids, true, id, id, id) : change(ids, false, keep, id, keep);
}

// setreuid(2): who sets the real one, or the effective one to another than the real, sets the saved
// one as well.
long change_two(Triple& ids, bool privileged, std::uint32_t real, std::uint32_t effective) {
  const std::uint32_t old_real = ids.real;
  const long result = change(ids, privileged, real, effective, keep);
  if (result == 0 && (real != keep || (effective != keep && effective != old_real))) {
    ids.saved = ids.effective;
  }
  return result;
}

long tell(const Asker& asker, const Triple& ids, const __u64* to) {
  const std::uint32_t values[] = {ids.real, ids.effective, ids.saved};
  for (std::size_t i = 0; i < 3; ++i) {
    if (const long result = asker.write_memory(to[i], &values[i], sizeof(values[i])); result < 0) {
      return result;
    }
  }
  return 0;
}

// Those of the step's user, or of another user the one group: setgroups(2) is not remembered.
long tell_groups(const Orders& orders, const Asker& asker, const FakeIds& ids,
                 const __u64* arguments) {
  const Plan& plan = orders.plan();
  const bool first = ids.user.effective == plan.uid && ids.group.effective == plan.gid;
  const std::uint32_t* groups = first ? orders.begin<std::uint32_t>(plan.groups)
                                      : &ids.group.effective;
  const auto known = static_cast<std::int32_t>(first ? plan.groups.count : 1);
  const auto room = static_cast<std::int32_t>(arguments[0]);
  if (room == 0) return known;
  if (room < known) return einval;
  const long result =
      asker.write_memory(arguments[1], groups, static_cast<std::size_t>(known) * sizeof(*groups));
  return result < 0 ? result : known;
}

long answer(const Orders& orders, const Asker& asker, const seccomp_data& call) {
  const __u64* const a = call.args;
  FakeIds ids{};
  switch (call.nr) {
#if defined(__x86_64__)
    case SYS_chown:
      return change_owner(asker, AT_FDCWD, a[0], a[1], a[2], 0);
    case SYS_lchown:
      return change_owner(asker, AT_FDCWD, a[0], a[1], a[2], AT_SYMLINK_NOFOLLOW);
#endif
    case SYS_fchown:
      return change_owner(asker, static_cast<long>(a[0]), 0, a[1], a[2], AT_EMPTY_PATH);
    case SYS_fchownat:
      return change_owner(asker, static_cast<long>(a[0]), a[1], a[2], a[3],
                          static_cast<std::int32_t>(a[4]));
    default:
      ids = asker.ids();
  }
  const bool privileged = ids.user.effective == 0;
  const auto id = [a](std::size_t i) { return static_cast<std::uint32_t>(a[i]); };
  long result = 0;
  switch (call.nr) {
    case SYS_getuid: return ids.user.real;
    case SYS_geteuid: return ids.user.effective;
    case SYS_getgid: return ids.group.real;
    case SYS_getegid: return ids.group.effective;
    case SYS_getresuid: return tell(asker, ids.user, a);
    case SYS_getresgid: return tell(asker, ids.group, a);
    case SYS_getgroups: return tell_groups(orders, asker, ids, a);
    case SYS_setgroups: return privileged ? 0 : eperm;
    case SYS_setfsuid: return ids.user.effective;
    case SYS_setfsgid: return ids.group.effective;
    case SYS_setuid: result = change_one(ids.user, privileged, id(0)); break;
    case SYS_setgid: result = change_one(ids.group, privileged, id(0)); break;
    case SYS_setreuid: result = change_two(ids.user, privileged, id(0), id(1)); break;
    case SYS_setregid: result = change_two(ids.group, privileged, id(0), id(1)); break;
    case SYS_setresuid: result = change(ids.user, privileged, id(0), id(1), id(2)); break;
    case SYS_setresgid: result = change(ids.group, privileged, id(0), id(1), id(2)); break;
    default: return enosys;
  }
  return result < 0 ? result : asker.set_ids(ids);
}

// Larger than any kernel's so far; what it says of its own size is compared.
union Question {
  struct seccomp_notif data;
  char room[512];
};
union Answer {
  struct seccomp_notif_resp data;
  char room[512];
};

}  // namespace

int intercept_ids() {
  struct sock_filter filter[count + 6] = {};
  std::size_t next = 0;
  const auto add = [&](int code, std::uint32_t value, std::size_t yes = 0, std::size_t no = 0) {
    filter[next++] = {static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(yes),
                      static_cast<std::uint8_t>(no), value};
  };
  constexpr int load = BPF_LD | BPF_W | BPF_ABS;
  constexpr int compare = BPF_JMP | BPF_JEQ | BPF_K;
  add(load, offsetof(seccomp_data, arch));
  add(compare, native, 0, count + 1);
  add(load, offsetof(seccomp_data, nr));
  for (std::size_t i = 0; i < count; ++i) add(compare, intercepted[i], count - i);
  add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  add(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
  const struct sock_fprog program = {static_cast<unsigned short>(next), filter};
  return static_cast<int>(check(system_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                            SECCOMP_FILTER_FLAG_NEW_LISTENER, address(&program)),
                                Stage::ids));
}

void answer_ids(const Orders& orders, int listener) {
  Question question = {};
  if (system_call(SYS_ioctl, listener, SECCOMP_IOCTL_NOTIF_RECV, address(&question)) != 0) return;
  const Asker asker(question.data.pid, orders.plan().uid, orders.plan().gid);
  Answer reply = {};
  reply.data.id = question.data.id;
  const long result = answer(orders, asker, question.data.data);
  if (result < 0) {
    reply.data.error = static_cast<std::int32_t>(result);
  } else {
    reply.data.val = result;
  }
  system_call(SYS_ioctl, listener, SECCOMP_IOCTL_NOTIF_SEND, address(&reply));
}

}  // namespace slipway::init
