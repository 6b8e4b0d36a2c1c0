#!/bin/bash
# as_user.sh [--one-id|--as-root|--delegated] COMMAND...: runs a test as a user without root, who is
# made for it; with --as-root in the user's own namespace, as slipway's code runs there; with
# --delegated in control groups that are the user's, as an administrator hands them out.
#
# Root makes the user in a mount namespace of the test's own, in which /etc has a layer above it and
# /dev/net/tun is anybody's: the machine stays as it is. With --one-id the user has no subordinate
# ids. Somebody else than root runs the command as they are.
set -euo pipefail

in_namespace=(unshare --user --map-root-user --map-auto --mount)
if ((EUID != 0)); then
  case $1 in
    --one-id) exec "${@:2}" ;;
    --as-root) exec "${in_namespace[@]}" "${@:2}" ;;
    --delegated) exec "${@:2}" ;;
    *) exec "$@" ;;
  esac
fi

if [[ ${SLIPWAY_TEST_NAMESPACE:-} != made ]]; then
  SLIPWAY_TEST_NAMESPACE=made exec unshare --mount --propagation private "$0" "$@"
fi
unset SLIPWAY_TEST_NAMESPACE

ranges=yes as=() delegated=
case $1 in
  --one-id) ranges=; shift ;;
  --delegated) delegated=yes; shift ;;
  --as-root) as=("${in_namespace[@]}"); shift ;;
esac
readonly name=slipway-tester id=31007

memory=$(mktemp -d)
home=$memory/home
groups=()
clean_up() {
  local group process
  # Whoever is still in them, this script at least, goes to where the tree begins.
  for group in "${groups[@]}"; do
    while read -r process; do
      echo "$process" > "$(stat -c %m "$group")/cgroup.procs" || true
    done < "$group/cgroup.procs"
    rmdir "$group" || true
  done
  umount -l "$memory"
  rmdir "$memory"
}
trap clean_up EXIT
mount -t tmpfs -o mode=755 tmpfs "$memory"
mkdir "$memory"/{etc,work,home,tmp,run}
mount -t overlay -o "lowerdir=/etc,upperdir=$memory/etc,workdir=$memory/work" overlay /etc
echo "$name:x:$id:$id::$home:/bin/bash" >> /etc/passwd
echo "$name:x:$id:" >> /etc/group
for file in /etc/subuid /etc/subgid; do
  : > "$file"
  [[ -z $ranges ]] || echo "$name:2000000:65536" > "$file"
done
if [[ -c /dev/net/tun ]]; then
  mknod -m 666 "$memory/tun" c 10 200
  mount --bind "$memory/tun" /dev/net/tun
fi
# join GROUP: the user's, and this script's.
join() {
  chown -R "$id:$id" "$1"
  echo $$ > "$1/cgroup.procs"
}
if [[ -n $delegated ]]; then
  readonly tree=/sys/fs/cgroup own=slipway-tester-$$
  if grep -q memory $tree/cgroup.controllers 2> /dev/null; then
    # Version 2: one to give controllers from, and one in it to be in.
    groups=($tree/$own/inner $tree/$own)
    mkdir $tree/$own
    echo '+memory +pids +cpu +cpuset' | tee $tree/cgroup.subtree_control > $tree/$own/cgroup.subtree_control
    mkdir $tree/$own/inner
    chown -R "$id:$id" $tree/$own
    join $tree/$own/inner
  else
    # Version 1: one in each controller's tree, whose mounts go by several names.
    for group in $tree/{memory,pids,cpu,cpuset}; do
      group=$group$(awk -F: -v name="${group##*/}" '$2 ~ "(^|,)" name "(,|$)" { print $3 }' \
        /proc/self/cgroup)
      group=${group%/}/$own
      [[ -d ${group%/*} && ! -d $group ]] || continue
      mkdir "$group"
      groups+=("$group")
      for file in cpuset.cpus cpuset.mems; do
        [[ ! -e $group/$file ]] || cat "${group%/*}/$file" > "$group/$file"
      done
      join "$group"
    done
  fi
  ((${#groups[@]})) || { echo "skipped: this machine has no control groups"; exit 0; }
# As on nearly every machine of today; what the machine itself has is root's test.
elif [[ $(stat -f -c %T /sys/fs/cgroup) != cgroup2fs ]]; then
  umount -R /sys/fs/cgroup 2> /dev/null || true
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
chown "$id:$id" "$home" "$memory"/{tmp,run}

as_user=(setpriv --reuid "$id" --regid "$id" --clear-groups --inh-caps=-all --bounding-set=+all
         env -i "PATH=$PATH" "HOME=$home" "USER=$name" "TMPDIR=$memory/tmp" "XDG_RUNTIME_DIR=$memory/run" "CI=${CI:-}")
if ! "${as_user[@]}" test -x "$1"; then
  echo "skipped: another user than root cannot get at $1"
  exit 0
fi
status=0
"${as_user[@]}" "${as[@]}" "$@" || status=$?
exit "$status"
