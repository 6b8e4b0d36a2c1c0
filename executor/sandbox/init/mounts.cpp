// The mount tree: from the builder's detached mounts to the program's root.
#include "stages.hpp"

#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>

namespace slipway::init {
namespace {

constexpr long enoent = -2;
constexpr long enotdir = -20;
constexpr long detach = 2;  // MNT_DETACH

// What each action put into the tree, for later ones that go into it.
std::int32_t mounted[MountAction::most];

// Where the action's mount is to go. The names of `text` were resolved by the builder; should one
// of them be a link by now, this fails.
long target_of(const Orders& orders, const MountAction& action, std::uint32_t index) {
  if (action.inside == 0) {
    return action.target == MountAction::shelf ? orders.plan().shelf : action.target;
  }
  if (action.inside > index) fail(Stage::mounts, index, -22 /* EINVAL */);
  struct open_how how = {};
  how.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return check(system_call(SYS_openat2, mounted[action.inside - 1],
                           address(orders.text(action.text)), address(&how), sizeof(how)),
               Stage::mounts, index);
}

void move_to(const Orders& orders, long mount, const MountAction& action, std::uint32_t index) {
  check(system_call(SYS_move_mount, mount, address(""), target_of(orders, action, index),
                    address(""), MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
        Stage::mounts, index);
  mounted[index] = static_cast<std::int32_t>(mount);
}

long clone_tree(const MountAction& action, std::uint32_t index) {
  const long tree =
      check(system_call(SYS_open_tree, action.source, address(""),
                        static_cast<long>(OPEN_TREE_CLONE) | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH),
            Stage::mounts, index);
  if (action.attributes != 0) {
    struct mount_attr attributes = {};
    attributes.attr_set = action.attributes;
    check(system_call(SYS_mount_setattr, tree, address(""), AT_EMPTY_PATH, address(&attributes),
                      sizeof(attributes)),
          Stage::mounts, index);
  }
  return tree;
}

long new_file_system(const Orders& orders, const MountAction& action, std::uint32_t index) {
  const long context =
      check(system_call(SYS_fsopen, address(orders.text(action.text)), FSOPEN_CLOEXEC),
            Stage::mounts, index);
  check(system_call(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0), Stage::mounts, index);
  const long mount = check(system_call(SYS_fsmount, context, FSMOUNT_CLOEXEC, action.attributes),
                           Stage::mounts, index);
  system_call(SYS_close, context);
  return mount;
}

void bind_read_only(const char* path, std::uint32_t index) {
  const long tree =
      system_call(SYS_open_tree, AT_FDCWD, address(path),
                  static_cast<long>(OPEN_TREE_CLONE) | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  if (tree == enoent) return;
  check(tree, Stage::read_only_paths, index);
  struct mount_attr attributes = {};
  attributes.attr_set =
      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  check(system_call(SYS_mount_setattr, tree, address(""), AT_EMPTY_PATH | AT_RECURSIVE,
                    address(&attributes), sizeof(attributes)),
        Stage::read_only_paths, index);
  check(system_call(SYS_move_mount, tree, address(""), AT_FDCWD, address(path),
                    MOVE_MOUNT_F_EMPTY_PATH),
        Stage::read_only_paths, index);
  system_call(SYS_close, tree);
}

}  // namespace

void attach_mounts(const Orders& orders) {
  // What happens here must not be seen in the host's tree.
  check(system_call(SYS_mount, 0, address("/"), 0, MS_REC | MS_PRIVATE, 0), Stage::mounts);
  // Upon the old root, which need not have a single directory. Nothing else may go there: what
  // lies upon the new root afterwards is what ".." in it leads to.
  check(system_call(SYS_move_mount, orders.plan().root, address(""), AT_FDCWD, address("/"),
                    MOVE_MOUNT_F_EMPTY_PATH),
        Stage::mounts);
  const auto* actions = orders.begin<MountAction>(orders.plan().mounts);
  const std::uint32_t count = orders.plan().mounts.count;
  for (std::uint32_t i = 0; i < count; ++i) {
    const MountAction& action = actions[i];
    switch (action.kind) {
      case MountAction::attach:
        move_to(orders, action.source, action, i);
        break;
      case MountAction::bind:
        move_to(orders, clone_tree(action, i), action, i);
        break;
      case MountAction::file_system:
        move_to(orders, new_file_system(orders, action, i), action, i);
        break;
    }
  }
  // The shelf is cleared from the top: each call takes what lies uppermost at the place.
  for (std::uint32_t i = count; i-- > 0;) {
    if (actions[i].inside != 0 || actions[i].target != MountAction::shelf) continue;
    check(system_call(SYS_fchdir, mounted[i]), Stage::mounts, i);
    check(system_call(SYS_umount2, address("."), detach), Stage::mounts, i);
  }
}

void enter_root(const Orders& orders) {
  check(system_call(SYS_fchdir, orders.plan().root), Stage::root);
  // With "." as both, the old root ends on top of the new one, and the next call takes it away.
  check(system_call(SYS_pivot_root, address("."), address(".")), Stage::root);
  check(system_call(SYS_umount2, address("."), detach), Stage::root);
  check(system_call(SYS_chdir, address("/")), Stage::root);
}

// /sys is a file system that was made a moment ago: no link of the image's can be in this path.
void mount_control_groups(const Orders& orders) {
  if (!orders.has(Plan::own_control_groups)) return;
  const long read_only = orders.has(Plan::insecure) ? 0 : MS_RDONLY;
  check(system_call(SYS_mount, address("cgroup2"), address("/sys/fs/cgroup"), address("cgroup2"),
                    MS_NOSUID | MS_NODEV | MS_NOEXEC | read_only, 0),
        Stage::control_groups);
}

// All of these lie in /proc and /sys.
void mask_paths(const Orders& orders) {
  const auto* masked = orders.begin<std::uint32_t>(orders.plan().masked);
  for (std::uint32_t i = 0; i < orders.plan().masked.count; ++i) {
    const char* path = orders.text(masked[i]);
    long result = system_call(SYS_mount, address("/dev/null"), address(path), 0, MS_BIND, 0);
    if (result == enotdir) {
      result =
          system_call(SYS_mount, address("tmpfs"), address(path), address("tmpfs"),
                      MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, address("size=0,mode=755"));
    }
    if (result != enoent) check(result, Stage::masked_paths, i);
  }
  const auto* read_only = orders.begin<std::uint32_t>(orders.plan().read_only);
  for (std::uint32_t i = 0; i < orders.plan().read_only.count; ++i) {
    bind_read_only(orders.text(read_only[i]), i);
  }
}

}  // namespace slipway::init
