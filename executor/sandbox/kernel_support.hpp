// What this kernel, as it is set up here, can do for a sandbox.
#pragma once

namespace slipway {

// Landlock's scope for abstract Unix sockets (Linux 6.12).
bool landlock_has_scopes();

// Whether /sys/fs/cgroup is version 2's one tree.
bool has_one_control_group_tree();

}  // namespace slipway
