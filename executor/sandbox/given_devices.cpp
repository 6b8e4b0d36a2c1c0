// RUN --device: nodes and mounts of the host that the step was granted.
#include <executor/sandbox/step_mounts.hpp>

#include <executor/sandbox/file_system.hpp>
#include <executor/snapshot/overlay.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

namespace slipway {
namespace {

// The administrator's path: links in it are his.
FileDescriptor open_on_host(const std::string& path, struct stat& status) {
  FileDescriptor file(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!file || ::fstat(file.get(), &status) != 0) {
    throw system_error("open", path, errno).hint("a device of RUN --device needs it on this machine");
  }
  return file;
}

// A path that ran into another device since the specification was written would give that one.
void require_device(const DeviceNode& node, const struct stat& status) {
  const bool is_device = S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
  const char type = S_ISBLK(status.st_mode) ? 'b' : 'c';
  if (is_device && node.type.value_or(type) == type &&
      node.major.value_or(::major(status.st_rdev)) == ::major(status.st_rdev) &&
      node.minor.value_or(::minor(status.st_rdev)) == ::minor(status.st_rdev)) {
    return;
  }
  throw Error("this machine's " + quoted(node.host_path) +
              " is not the device that its CDI specification says");
}

}  // namespace

void StepMounts::add_given_devices() {
  for (const DeviceNode& node : rights_.devices().nodes) add_node(node);
  for (const DeviceMount& mount : rights_.devices().mounts) add_host_mount(mount);
}

// A node of the step's own with the mode and owner that were asked for, on a file system of which the
// step sees nothing else: there a device can be opened, and the step can make none. A chmod in the
// step does not reach the host's. In a user namespace, where nobody makes devices, the host's own
// node with the mode and owner that it has.
void StepMounts::add_node(const DeviceNode& node) {
  struct stat status {};
  const FileDescriptor on_host = open_on_host(node.host_path, status);
  require_device(node, status);
  auto place = tree_.place_for(node.path, RootTree::Kind::file);
  if (in_user_namespace()) {
    attach(clone_tree(on_host, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC),
           std::move(place), node.path);
    return;
  }
  if (nodes_ < 0) {
    FileDescriptor mount =
        new_file_system("tmpfs", {{"mode", "700"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    nodes_ = mount.get();
    shelve(std::move(mount), "devices");
  }
  const std::string name = std::to_string(made_nodes_++);
  const mode_t type = status.st_mode & static_cast<mode_t>(S_IFMT);
  if (::mknodat(nodes_, name.c_str(), type | 0600, status.st_rdev) != 0 ||
      ::fchownat(nodes_, name.c_str(), node.uid, node.gid, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::fchmodat(nodes_, name.c_str(), node.mode, 0) != 0) {
    throw system_error("mknodat", node.path, errno);
  }
  FileDescriptor made(::openat(nodes_, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!made) throw system_error("openat", node.path, errno);
  bind(std::move(made), std::move(place), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, node.path);
}

void StepMounts::add_host_mount(const DeviceMount& mount) {
  struct stat status {};
  const FileDescriptor source = open_on_host(mount.host_path, status);
  const bool directory = S_ISDIR(status.st_mode);
  if (!directory && !S_ISREG(status.st_mode) && !S_ISSOCK(status.st_mode)) {
    throw Error("a device of RUN --device mounts " + quoted(mount.host_path) +
                ", which is neither a directory, a file nor a socket");
  }
  auto place =
      tree_.place_for(mount.path, directory ? RootTree::Kind::directory : RootTree::Kind::file);
  FileDescriptor tree =
      clone_tree(source, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                             (mount.read_only ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0));
  // Nothing is ever made in it for another mount: that would be made on the host.
  tree_.add_foreign_mount(place);
  attach(std::move(tree), std::move(place), mount.path);
}

}  // namespace slipway
