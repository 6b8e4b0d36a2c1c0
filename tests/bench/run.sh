#!/bin/bash
# usage: run.sh [ROUNDS] [STEPS]
#
# A `RUN true` from the moment it could start to its layer in the store, as root and as a user
# without root, beside `crun run` of the same root file system, `buildah run`, and `buildah build`,
# which keeps a layer of each step as slipway does and the other two do not; alternating in one run.
# The time of a build is that of STEPS steps less that of none, for each; the others run as often.
# Needs root, crun, buildah (in its chroot isolation: Debian's runtimes ask for limits that
# not every machine grants). Works in a mount namespace of its own, where /sys/fs/cgroup is cgroup2
# alone: crun refuses hybrid machines. Beside crun slipway runs in a real-time class where there is one to
# be had: what else the machine does is no part of it. Beside buildah it does not: Go's threads wait
# for each other by spinning, and would do so for ever.
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

alone=(chrt --fifo 1)
"${alone[@]}" true 2> /dev/null || alone=()
loop_crun() {
  for ((i = 0; i < steps; i++)); do
    "${alone[@]}" crun --root "$work/crun" --cgroup-manager=disabled run -b "$work/bundle" "c$i"
  done
}
loop_buildah() {
  for ((i = 0; i < steps; i++)); do
    "${buildah[@]}" run --isolation chroot "$container" /bin/true
  done
}
# steps_of COMMAND...: of a build of each of the two contexts, what one step took.
steps_of() {
  timed "$@" "$work/without"
  local none=$ms
  timed "$@" "$work/with"
  ms=$(awk -v a="$ms" -v b="$none" 'BEGIN { print a - b }')
}
# The same, timed by itself, because the user and the store are made anew each time.
rootless() {
  "$@" "$bench/../as_user.sh" /bin/bash -c "cd; for c in without with; do before=\$EPOCHREALTIME
    $slipway build -q --no-cache $work/\$c > /dev/null || exit 1
    echo \$before \$EPOCHREALTIME; done" |
    awk '{ t[NR] = $2 - $1 } END { print (t[2] - t[1]) * 1000 }'
}

machine
echo "$steps times, ms each"
echo "       ${alone[*]:-as all}: root  rootless      crun      as all: root  rootless  buildah run  buildah build"
declare -A ratios=()
for ((round = 1; round <= rounds; round++)); do
  declare -A took=()
  each() { took[$1]=$(awk -v ms="$2" -v n="$steps" 'BEGIN { printf "%.2f", ms / n }'); }
  ours=("$slipway" build -q --no-cache)
  steps_of "${alone[@]}" "${ours[@]}"; each alone "$ms"
  each alone_rootless "$(rootless "${alone[@]}")"
  timed loop_crun; each crun "$ms"
  steps_of "${ours[@]}"; each root "$ms"
  each rootless "$(rootless)"
  timed loop_buildah; each run "$ms"
  steps_of "${buildah[@]}" build --isolation chroot --no-cache --layers; each build "$ms"
  printf 'round %-3s %17s %9s %9s %17s %9s %12s %14s\n' "$round" "${took[alone]}" \
    "${took[alone_rootless]}" "${took[crun]}" "${took[root]}" "${took[rootless]}" "${took[run]}" \
    "${took[build]}"
  for pair in alone/crun alone_rootless/crun root/run rootless/run root/build rootless/build; do
    ratios[$pair]+=" $(ratio "${took[${pair%/*}]}" "${took[${pair#*/}]}")"
  done
done
# of TEXT PAIR: the median of its ratios
of() {
  # shellcheck disable=SC2086  # many numbers
  printf '%s %s' "$1" "$(median ${ratios[$2]})"
}
echo "median ratios, root:     $(of 'to crun' alone/crun), $(of 'to buildah run' root/run)," \
  "$(of 'to buildah build' root/build)"
echo "median ratios, rootless: $(of 'to crun' alone_rootless/crun), $(of 'to buildah run' rootless/run)," \
  "$(of 'to buildah build' rootless/build)"
