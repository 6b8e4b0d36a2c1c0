#!/bin/bash
# with_cgroup2.sh COMMAND...: runs a test where the control groups are one tree, as on nearly every
# machine of today, also if this one has them in the old hierarchies. Needs root.
set -euo pipefail

if [[ ${SLIPWAY_TEST_NAMESPACE:-} != made ]]; then
  SLIPWAY_TEST_NAMESPACE=made exec unshare --mount --propagation private "$0" "$@"
fi
unset SLIPWAY_TEST_NAMESPACE
if [[ $(stat -f -c %T /sys/fs/cgroup) != cgroup2fs ]]; then
  umount -R /sys/fs/cgroup 2> /dev/null || true
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
exec "$@"
