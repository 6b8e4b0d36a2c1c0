// Users, for `slipway doctor`: who slipway is here, with which ids and namespaces.
#include "doctor.hpp"

#include "doctor_attempt.hpp"

#include <ir/error.hpp>

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>

namespace slipway {
namespace {

constexpr uid_t nobody = 65534;

constexpr const char* open_container =
    "start the container with --privileged, or with --security-opt seccomp=unconfined "
    "--security-opt "
    "apparmor=unconfined";

bool is_root() {
  return ::geteuid() == 0;
}
bool may_mount() {
  return is_root() && has_capability(CAP_SYS_ADMIN);
}

std::string own_name() {
  const passwd* user = ::getpwuid(::geteuid());
  return user == nullptr ? std::to_string(::geteuid()) : user->pw_name;
}

// How many user ids there are in the namespace this process is in.
std::uint64_t count_ids() {
  std::ifstream map("/proc/self/uid_map");
  std::uint64_t all = 0;
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  while (map >> inside >> outside >> count) all += count;
  return all;
}

Ability rights() {
  Ability row{.name = "rights", .works = true};
  if (may_mount()) {
    row.meaning = in_user_namespace() ? "root of a user namespace: as a container's"
                                      : "root: RUN needs no user namespace";
  } else if (is_root()) {
    row.works = false;
    row.meaning =
        "root of a container without CAP_SYS_ADMIN: RUN needs a user namespace, or chroot";
    row.mend = open_container;
  } else {
    row.meaning = "user " + own_name() + ": RUN needs a user namespace";
  }
  return row;
}

// In a trial. As a build enters it, but with the caller's id alone.
void make_own_namespace() {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    throw system_error("unshare", "a user namespace", errno);
  }
  // Where AppArmor has the say, a user gets a namespace and no right in it.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    throw system_error("mount", "/", errno);
  }
}

void become_nobody() {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(nobody, nobody, nobody) != 0 ||
      ::setresuid(nobody, nobody, nobody) != 0) {
    throw system_error("setresuid", "nobody", errno);
  }
  // A change of the user takes the process's own files of /proc away from it.
  if (::prctl(PR_SET_DUMPABLE, 1) != 0) throw system_error("prctl", "", errno);
}

Ability namespaces() {
  Ability row{.name = "user namespaces"};
  // Nobody is somebody else on the machine itself; a namespace may not have the id.
  const bool for_others = may_mount() && !in_user_namespace();
  const Attempt made = attempt([for_others] {
    if (for_others) become_nobody();
    make_own_namespace();
    return std::string();
  });
  row.works = made.worked;
  if (made.worked) {
    row.meaning = for_others    ? "users without root can build, too"
                  : may_mount() ? "can be made in this one, too"
                                : "RUN gets one";
    return row;
  }
  row.meaning = (may_mount() ? "only root can build: " : "RUN gets none: ") + made.reason;
  if (is_root() && !for_others) {
    row.mend = open_container;
    return row;
  }
  // The same once more by the function that builds use: it knows the settings that forbid it.
  row.mend = attempt([for_others] {
               if (for_others) become_nobody();
               enter_user_namespace();
               return std::string();
             }).hint;
  if (row.mend.empty()) row.mend = "sysctl -w user.max_user_namespaces=65536";
  return row;
}

Ability ids() {
  Ability row{.name = "ids"};
  const Attempt entered = attempt([] {
    const UserNamespace space = enter_user_namespace();
    if (space.ids == Ids::own) throw Error(space.missing);
    const std::uint64_t count = count_ids();
    if (count == 1) {
      throw Error("this user namespace has one id")
          .hint("make it with ranges, such as unshare --map-auto, or run slipway outside of it");
    }
    return std::to_string(count);
  });
  row.works = entered.worked;
  if (entered.worked) {
    row.meaning = may_mount() && !in_user_namespace()
                      ? "all: each owner of a layer's files is a real one"
                      : entered.text + ": owners of a layer's files are real up to that";
    return row;
  }
  row.meaning =
      "your own alone: other owners are recorded, and in RUN all users are one: " + entered.reason;
  const std::string ranges =
      "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + own_name();
  if (!entered.hint.empty()) {
    row.mend = entered.hint;
  } else if (entered.reason.find("newuidmap") != std::string::npos) {
    row.mend = "apt install uidmap && " + ranges;
  } else {
    row.mend = ranges;
  }
  return row;
}

}  // namespace

std::vector<Ability> examine_users(Machine&) {
  return {rights(), namespaces(), ids()};
}

}  // namespace slipway
