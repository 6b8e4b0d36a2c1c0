#!/bin/bash
# usage: containers.sh [ROUNDS] [TIMES] [MEGABYTES]
#
# Containers beside crun and podman, alternating in one run: `run --rm IMAGE true` TIMES in a row beside
# `crun run` with its bundle ready and beside `podman run --rm`; what an idle detached container's monitor
# takes of memory beside podman's conmon; and `commit` of a container that has written MEGABYTES beside
# podman's. None has a network of its own. Needs root. Works in a mount namespace of its own, where
# /sys/fs/cgroup is cgroup2 alone: crun refuses hybrid machines.
if [[ ${BENCH_NAMESPACE:-} != made ]]; then
  BENCH_NAMESPACE=made exec unshare --mount --propagation private "$0" "$@"
fi
. "$(dirname "$0")/common.sh"
umount -R /sys/fs/cgroup 2> /dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
rounds=${1:-5} times=${2:-20} megabytes=${3:-100}

mkdir -p "$work/context"
cp /bin/busybox "$work/context/"
cat > "$work/context/Dockerfile" << 'END'
FROM scratch
COPY --chmod=755 busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
END
"$slipway" build -q -t box "$work/context" > /dev/null 2>&1
"$slipway" save -o "$work/box.tar" box
podman() {
  command podman --root "$work/podman" --runroot "$work/podman-run" --cgroup-manager cgroupfs \
    --events-backend none "$@"
}
# What this machine lets podman ask for.
held=(--network none --cgroups disabled --ulimit nofile=1024:1024 --ulimit nproc=4096:4096)
trap 'podman rm -af -t 0 > /dev/null 2>&1; umount -l "$work/podman/overlay" 2> /dev/null; rm -rf "$work"' EXIT
podman load -q -i "$work/box.tar" > /dev/null
mkdir -p "$work/bundle/rootfs"
"$slipway" export box | tar -C "$work/bundle/rootfs" -xf -
mkdir -p "$work/bundle/rootfs"/{proc,dev,sys,etc}
(cd "$work/bundle" && crun spec)
sed -i -e 's/"terminal": true/"terminal": false/' -e '0,/"sh"/s//"\/bin\/true"/' \
  "$work/bundle/config.json"

loop_slipway() {
  for ((i = 0; i < times; i++)); do "$slipway" run --rm --network none box true; done
}
loop_crun() {
  for ((i = 0; i < times; i++)); do
    crun --root "$work/crun" --cgroup-manager=disabled run -b "$work/bundle" "c$i"
  done
}
loop_podman() {
  for ((i = 0; i < times; i++)); do podman run --rm "${held[@]}" box true; done
}

machine
echo "run --rm IMAGE true, $times times, ms each"
to_crun=() to_podman=()
for ((round = 1; round <= rounds; round++)); do
  timed loop_slipway; ours=$ms
  timed loop_crun; crun=$ms
  timed loop_podman; podman=$ms
  printf 'round %s: slipway %s, crun %s, podman %s\n' "$round" "$(ratio "$ours" "$times")" \
    "$(ratio "$crun" "$times")" "$(ratio "$podman" "$times")"
  to_crun+=("$(ratio "$ours" "$crun")") to_podman+=("$(ratio "$ours" "$podman")")
done
echo "median ratios: to crun $(median "${to_crun[@]}"), to podman $(median "${to_podman[@]}")"

echo "an idle detached container's monitor, KiB"
# resident PID
resident() { awk '/^VmRSS|^RssAnon|^RssFile|^RssShmem/ { printf "%s %s  ", $1, $2 }' "/proc/$1/status"; }
id=$("$slipway" run -d --network none box sleep 1000)
sleep 1
monitor=$(awk '$1 == "monitor" { print $2 }' "$SLIPWAY_ROOT/containers/$id/state")
echo "slipway: $(resident "$monitor")"
"$slipway" rm -f "$id" > /dev/null
id=$(podman run -d "${held[@]}" box sleep 1000)
sleep 1
echo "conmon:  $(resident "$(podman inspect --format '{{.State.ConmonPid}}' "$id")")"
podman rm -f -t 0 "$id" > /dev/null

echo "commit of $megabytes MB in ten files, ms"
write="for i in 0 1 2 3 4 5 6 7 8 9; do head -c $((megabytes * 100000)) /dev/urandom > /\$i; done"
"$slipway" run --name filled --network none box sh -c "$write"
podman run --name filled "${held[@]}" box sh -c "$write"
sync
to_podman=()
for ((round = 1; round <= rounds; round++)); do
  timed "$slipway" commit -m "$round" filled "filled:$round"; ours=$ms
  timed podman commit -q -f docker -m "$round" filled "filled:$round"; podman=$ms
  printf 'round %s: slipway %s, podman %s\n' "$round" "$ours" "$podman"
  to_podman+=("$(ratio "$ours" "$podman")")
done
echo "median ratio to podman: $(median "${to_podman[@]}")"
