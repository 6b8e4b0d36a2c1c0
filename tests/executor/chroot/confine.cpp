// confine [--overlay DIRECTORY] [--admin] PROGRAM ARGUMENT...: runs a program as docker runs a
// container's: with fourteen capabilities, a filter that refuses mounts and namespaces, and the
// host name "container". What it starts is as confined.
//
// --overlay: DIRECTORY is an overlay for it, as a container's root is; of its directories "lower",
// "upper" and "work".
// --admin: with CAP_SYS_ADMIN besides, which the filter leaves little of.
#include <executor/sandbox/seccomp/filter.hpp>

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

// Not slipway's own table: what a container has does not depend on what a step gets.
constexpr std::array docker = {CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FSETID,           CAP_FOWNER,
                               CAP_MKNOD,   CAP_NET_RAW,      CAP_SETGID,           CAP_SETUID,
                               CAP_SETFCAP, CAP_SETPCAP,      CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT,
                               CAP_KILL,    CAP_AUDIT_WRITE};

void require(bool good, const char* call) {
  if (good) return;
  std::fprintf(stderr, "confine: %s: %s\n", call, std::strerror(errno));
  std::exit(126);
}

bool may_confine() {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {};
  return ::geteuid() == 0 && ::syscall(SYS_capget, &header, data) == 0 &&
         (data[0].effective >> CAP_SYS_ADMIN & 1) != 0;
}

void mount_overlay(const std::string& directory) {
  require(::unshare(CLONE_NEWNS) == 0, "unshare");
  require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "mount /");
  const std::string options = "lowerdir=" + directory + "/lower,upperdir=" + directory +
                              "/upper,workdir=" + directory + "/work";
  require(::mount("overlay", directory.c_str(), "overlay", 0, options.c_str()) == 0,
          "mount overlay");
}

// While there is still the right to.
void load_filter() {
  const auto filter = slipway::seccomp::filter();
  struct sock_fprog program = {};
  program.len = static_cast<unsigned short>(filter.size());
  program.filter = const_cast<sock_filter*>(reinterpret_cast<const sock_filter*>(filter.data()));
  require(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0, "seccomp");
}

void drop_capabilities(bool admin) {
  std::uint64_t kept = admin ? std::uint64_t{1} << CAP_SYS_ADMIN : 0;
  for (const int capability : docker) kept |= std::uint64_t{1} << capability;
  for (int capability = 0; capability < 64; ++capability) {
    if ((kept >> capability & 1) == 0 && ::prctl(PR_CAPBSET_DROP, capability) != 0) break;
  }
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {};
  data[0].effective = data[0].permitted = static_cast<std::uint32_t>(kept);
  data[1].effective = data[1].permitted = static_cast<std::uint32_t>(kept >> 32);
  require(::syscall(SYS_capset, &header, data) == 0, "capset");
}

}  // namespace

int main(int argc, char** argv) {
  int next = 1;
  if (!may_confine()) {
    std::puts("skipped: who is not root cannot confine a program");
    return 0;
  }
  if (argc > 2 && std::string(argv[1]) == "--overlay") {
    mount_overlay(argv[2]);
    next = 3;
  }
  const bool admin = argc > next && std::string(argv[next]) == "--admin";
  if (admin) ++next;
  if (argc <= next) {
    std::fputs("usage: confine [--overlay DIRECTORY] [--admin] PROGRAM ARGUMENT...\n", stderr);
    return 2;
  }
  // For what the tests of the sandbox have to say here.
  ::setenv("SLIPWAY_TEST_CONFINED", "1", 1);
  constexpr std::string_view name = "container";
  require(::unshare(CLONE_NEWUTS) == 0, "unshare");
  require(::sethostname(name.data(), name.size()) == 0, "sethostname");
  load_filter();
  drop_capabilities(admin);
  ::execvp(argv[next], argv + next);
  require(false, argv[next]);
}
