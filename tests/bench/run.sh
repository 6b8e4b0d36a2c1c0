#!/bin/bash
# usage: run.sh [ROUNDS] [STEPS]
#
# A `RUN true` from the moment it could start to its layer in the store, as root and as a user
# without root, beside `crun run` of the same root file system and `buildah run`, alternating in one
# run. slipway's time is that of STEPS steps less that of none, for each; the others run as often.
# Needs root, crun, buildah (in its chroot isolation: Debian's runtimes ask for limits that
# not every machine grants). Works in a mount namespace of its own, where /sys/fs/cgroup is cgroup2
# alone: crun refuses hybrid machines.
if [[ ${BENCH_NAMESPACE:-} != made ]]; then
  BENCH_NAMESPACE=made exec unshare --mount --propagation private "$0" "$@"
fi
. "$(dirname "$0")/common.sh"
# In memory, as the store of the user that as_user.sh makes is: no other writer of the disk is measured.
mount -t tmpfs -o mode=755 tmpfs "$work"
trap 'umount -l "$work"; rmdir "$work"' EXIT
umount -R /sys/fs/cgroup 2> /dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
rounds=${1:-5} steps=${2:-30}

# The same files for all: busybox as /bin/true.
root=$work/bundle/rootfs
mkdir -p "$root"/{bin,proc,dev,sys,etc}
cp /bin/busybox "$root/bin/true"
(cd "$work/bundle" && crun spec)
sed -i -e 's/"terminal": true/"terminal": false/' -e '0,/"sh"/s//"\/bin\/true"/' \
  "$work/bundle/config.json"
buildah=(buildah --root "$work/buildah" --runroot "$work/buildah-run" --storage-driver overlay)
container=$("${buildah[@]}" from scratch)
tar -C "$root" -cf "$work/root.tar" .
"${buildah[@]}" add -q "$container" "$work/root.tar" / > /dev/null

# context FOLDER STEPS
context() {
  mkdir -p "$1"
  cp /bin/busybox "$1/true"
  { echo 'FROM scratch'; echo 'COPY true /bin/true'
    for ((i = 1; i <= $2; i++)); do echo "RUN [\"/bin/true\", \"$i\"]"; done; } > "$1/Dockerfile"
}
context "$work/with" "$steps"
context "$work/without" 0
chmod -R a+rX "$work"

as_user=("$bench/../as_user.sh" /bin/bash -c)
loop_crun() {
  for ((i = 0; i < steps; i++)); do
    crun --root "$work/crun" --cgroup-manager=disabled run -b "$work/bundle" "c$i"
  done
}
loop_buildah() {
  for ((i = 0; i < steps; i++)); do
    "${buildah[@]}" run --isolation chroot "$container" /bin/true
  done
}
# Its own timing, because the user and the store are made anew each time.
rootless() {
  "${as_user[@]}" "cd; for c in without with; do before=\$EPOCHREALTIME
    $slipway build -q --no-cache $work/\$c > /dev/null || exit 1
    echo \$before \$EPOCHREALTIME; done" |
    awk -v n="$steps" '{ t[NR] = $2 - $1 } END { printf "%.2f", (t[2] - t[1]) * 1000 / n }'
}

machine
echo "$steps times, ms each          slipway   rootless       crun    buildah"
declare -a root_to_crun user_to_crun root_to_buildah user_to_buildah
for ((round = 1; round <= rounds; round++)); do
  timed "$slipway" build -q --no-cache "$work/without"
  none=$ms
  timed "$slipway" build -q --no-cache "$work/with"
  a=$(awk -v all="$ms" -v none="$none" -v n="$steps" 'BEGIN { printf "%.2f", (all - none) / n }')
  b=$(rootless)
  timed loop_crun
  c=$(awk -v ms="$ms" -v n="$steps" 'BEGIN { printf "%.2f", ms / n }')
  timed loop_buildah
  d=$(awk -v ms="$ms" -v n="$steps" 'BEGIN { printf "%.2f", ms / n }')
  printf 'round %-3s %26s %10s %10s %10s\n' "$round" "$a" "$b" "$c" "$d"
  root_to_crun+=("$(ratio "$a" "$c")") user_to_crun+=("$(ratio "$b" "$c")")
  root_to_buildah+=("$(ratio "$a" "$d")") user_to_buildah+=("$(ratio "$b" "$d")")
done
printf 'median ratio of root to crun %s, to buildah %s\n' "$(median "${root_to_crun[@]}")" \
  "$(median "${root_to_buildah[@]}")"
printf 'median ratio rootless to crun %s, to buildah %s\n' "$(median "${user_to_crun[@]}")" \
  "$(median "${user_to_buildah[@]}")"
