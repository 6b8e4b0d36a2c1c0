#include <executor/sandbox/mount_source.hpp>

#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace slipway {

FileDescriptor open_source(int root, const std::string& source) {
  struct open_how how {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  FileDescriptor found(static_cast<int>(
      ::syscall(SYS_openat2, root, source.empty() ? "." : source.c_str(), &how, sizeof(how))));
  if (!found) throw system_error("openat2", "mount source " + source, errno);
  return found;
}

RootTree::Kind kind_of(const FileDescriptor& source) {
  struct stat status {};
  if (::fstat(source.get(), &status) != 0) throw system_error("fstat", "mount source", errno);
  return S_ISDIR(status.st_mode) ? RootTree::Kind::directory : RootTree::Kind::file;
}

}  // namespace slipway
