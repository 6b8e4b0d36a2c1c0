#!/bin/bash
# usage: steps.sh [ROUNDS] [STEPS]
#
# STEPS times `RUN echo`, by slipway, by slipway in the host's network instead of one for each step,
# and by buildah, alternating in one run. Every step is executed
# (no cache) and kept as a layer; buildah is also timed without --layers, where it keeps only the
# last. Needs root and buildah, whose steps run in its chroot isolation: its runtime refuses machines
# with hybrid cgroups.
. "$(dirname "$0")/common.sh"
rounds=${1:-5} steps=${2:-50}

busybox
buildah=(buildah --root "$work/buildah" --runroot "$work/buildah-run" --storage-driver overlay)
"$slipway" save -o "$work/busybox.tar" busybox:latest
"${buildah[@]}" pull -q "docker-archive:$work/busybox.tar" > /dev/null

mkdir "$work/context"
{ echo 'FROM busybox:latest'; for ((i = 1; i <= steps; i++)); do echo "RUN echo $i"; done; } \
  > "$work/context/Dockerfile"

machine
echo "$steps steps, ms per step    slipway   --network=host   buildah --layers   buildah"
declare -a ours hosts layers plain to_hosts to_layers to_plain
per_step() { awk -v ms="$ms" -v n="$steps" 'BEGIN { printf "%.2f", ms / n }'; }
for ((round = 1; round <= rounds; round++)); do
  timed "$slipway" build --no-cache --progress=plain -t bench "$work/context"
  a=$(per_step)
  timed "$slipway" build --no-cache --network=host --progress=plain -t bench "$work/context"
  h=$(per_step)
  timed "${buildah[@]}" bud --isolation chroot --pull-never --no-cache --layers -t bench "$work/context"
  b=$(per_step)
  timed "${buildah[@]}" bud --isolation chroot --pull-never --no-cache -t bench "$work/context"
  c=$(per_step)
  printf 'round %-3s %26s %16s %18s %9s\n' "$round" "$a" "$h" "$b" "$c"
  ours+=("$a") hosts+=("$h") layers+=("$b") plain+=("$c")
  to_hosts+=("$(ratio "$a" "$h")")
  to_layers+=("$(ratio "$a" "$b")") to_plain+=("$(ratio "$a" "$c")")
done
printf 'median %29s %16s %18s %9s\n' "$(median "${ours[@]}")" "$(median "${hosts[@]}")" \
  "$(median "${layers[@]}")" "$(median "${plain[@]}")"
printf 'median ratio, slipway to the others %16s %18s %9s\n' "$(median "${to_hosts[@]}")" \
  "$(median "${to_layers[@]}")" "$(median "${to_plain[@]}")"
