#include <executor/containers/joined_root.hpp>

#include <executor/sandbox/launch.hpp>
#include <executor/spawn.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <optional>

namespace slipway {
namespace {

constexpr std::size_t stack_size = 64 * 1024;
constexpr std::size_t largest_file = 10 << 20;  // bytes; as of an image (sandbox/step_program.cpp)

// What the visitor reads in this process's memory, and leaves there.
struct Visit {
  int process;
  int root;
  int error;
};

// Runs in a process of its own on this one's memory and descriptors: only system calls.
int visit(void* argument) {
  auto& visit = *static_cast<Visit*>(argument);
  if (::setns(visit.process, CLONE_NEWNS) == 0) {
    visit.root = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  }
  if (visit.root < 0) visit.error = errno;
  return 0;
}

FileDescriptor open_in(const FileDescriptor& root, const char* path, int flags,
                       std::uint64_t resolve) {
  struct open_how how {};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;
  return FileDescriptor(
      static_cast<int>(::syscall(SYS_openat2, root.get(), path, &how, sizeof(how))));
}

// Nothing where there is no regular file. Somebody may be writing it.
std::optional<std::string> read_in(const FileDescriptor& root, const char* path) {
  // Not blocking: it may be a pipe.
  const FileDescriptor file = open_in(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  std::string text;
  for (;;) {
    const std::size_t used = text.size();
    text.resize(used + (64 << 10));
    const ssize_t got = ::read(file.get(), text.data() + used, text.size() - used);
    text.resize(used + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", path, errno);
    if (got == 0) return text;
    if (text.size() > largest_file) {
      throw Error("the container's " + quoted(path) + " is larger than " +
                  std::to_string(largest_file >> 20) + " MiB");
    }
  }
}

}  // namespace

FileDescriptor root_of(const HeldProcess& process) {
  Visit to{process.descriptor(), -1, 0};
  const auto stack = std::make_unique<std::byte[]>(stack_size);
  int visitor = -1;
  {
    const SignalsBlocked blocked;
    if (::clone(visit, stack.get() + stack_size, CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD,
                &to, &visitor) < 0) {
      throw system_error("clone", "", errno);
    }
  }
  wait_for(FileDescriptor(visitor));
  FileDescriptor root(to.root);
  if (!root) throw system_error("setns", "the container's mounts", to.error);
  return root;
}

RunUser user_in(const FileDescriptor& root, const std::string& user,
                const std::vector<std::string>& groups) {
  std::optional<std::string> passwd;
  std::optional<std::string> group;
  try {
    passwd = read_in(root, "/etc/passwd");
    group = read_in(root, "/etc/group");
  } catch (const Error&) {
    // A number goes without them, and without their home and groups.
    if (user.find_first_not_of("0123456789:") != std::string::npos) throw;
  }
  RunUser found = find_user(user, passwd.value_or(""), group.value_or(""));
  for (const std::string& one : groups) {
    found.groups.push_back(find_group(one, group.value_or("")));
  }
  return found;
}

FileDescriptor terminals_in(const FileDescriptor& root) {
  FileDescriptor folder = open_in(root, "dev/pts", O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
  struct statfs status {};
  if (!folder || ::fstatfs(folder.get(), &status) != 0 || status.f_type != DEVPTS_SUPER_MAGIC) {
    throw Error("the container has no terminals of its own at /dev/pts");
  }
  return folder;
}

}  // namespace slipway
