// Which system calls a step may make: the facts of docker's default profile, for the capabilities
// that a step has. Everything else gives EPERM; a call younger than this table gives ENOSYS, so
// that a C library falls back to an older one instead of failing.
#pragma once

#include <cstdint>
#include <span>

namespace slipway::seccomp {

// Allowed whatever the arguments. Names that this libseccomp does not know are left out by the
// compiler; where they matter they are among `young`.
std::span<const char* const> allowed();

// Calls that libseccomp 2.5.4 cannot name, in the order of their numbers.
struct Range {
  std::uint32_t first;
  std::uint32_t last;
};
std::span<const Range> young();
// The highest number that the table has thought of.
constexpr std::uint32_t youngest = 466;

// personality(2) is allowed with these values of its argument.
std::span<const std::uint32_t> personalities();

// socket(2) families that reach past the network namespace, or a kernel's rarely used corners.
constexpr std::uint32_t family_alg = 38;
constexpr std::uint32_t family_vsock = 40;

// clone(2) with any of these needs CAP_SYS_ADMIN, which no step has: new mount, cgroup, uts, ipc,
// user, pid and net namespaces. clone3 hides its flags from a filter and gives ENOSYS.
constexpr std::uint32_t namespace_flags =
    0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;

}  // namespace slipway::seccomp
