#include <cache/user_namespace.hpp>

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace slipway {

bool in_user_namespace() {
  // The first one's number is a constant of the kernel (PROC_USER_INIT_INO).
  constexpr ino_t first = 0xEFFFFFFD;
  struct stat status {};
  return ::stat("/proc/self/ns/user", &status) == 0 && status.st_ino != first;
}

bool has_capability(int capability) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  const auto which = static_cast<unsigned>(capability);
  return (data[which / 32].effective >> which % 32 & 1U) != 0;
}

}  // namespace slipway
