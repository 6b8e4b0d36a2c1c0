#include <executor/sandbox/file_system.hpp>

#include <ir/error.hpp>

#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace slipway {

FileDescriptor new_file_system(const char* type,
                               const std::vector<std::pair<std::string, std::string>>& options,
                               std::uint64_t attributes) {
  const FileDescriptor context(static_cast<int>(::syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)));
  if (!context) throw system_error("fsopen", type, errno);
  for (const auto& [name, value] : options) {
    const bool flag = value.empty();
    if (::syscall(SYS_fsconfig, context.get(), flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING,
                  name.c_str(), flag ? nullptr : value.c_str(), 0) != 0) {
      throw system_error("fsconfig", std::string(type) + " " + name + "=" + value, errno);
    }
  }
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    throw system_error("fsconfig", type, errno);
  }
  FileDescriptor mount(static_cast<int>(
      ::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes))));
  if (!mount) throw system_error("fsmount", type, errno);
  return mount;
}

bool make_read_only(const FileDescriptor& mount) {
  const FileDescriptor context(
      static_cast<int>(::syscall(SYS_fspick, mount.get(), "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH)));
  if (!context) throw system_error("fspick", "", errno);
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_FLAG, "ro", nullptr, 0) != 0) {
    throw system_error("fsconfig", "ro", errno);
  }
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0) == 0) {
    return true;
  }
  if (errno == EBUSY) return false;
  throw system_error("fsconfig", "reconfigure", errno);
}

}  // namespace slipway
