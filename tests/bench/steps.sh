#!/bin/bash
# usage: steps.sh [ROUNDS] [STEPS]
#
# STEPS times `RUN echo`, by slipway and by buildah, alternating in one run. Every step is executed
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
echo "$steps steps, ms per step        slipway   buildah --layers   buildah"
declare -a ours layers plain to_layers to_plain
per_step() { awk -v ms="$ms" -v n="$steps" 'BEGIN { printf "%.2f", ms / n }'; }
for ((round = 1; round <= rounds; round++)); do
  timed "$slipway" build --no-cache --progress=plain -t bench "$work/context"
  a=$(per_step)
  timed "${buildah[@]}" bud --isolation chroot --pull-never --no-cache --layers -t bench "$work/context"
  b=$(per_step)
  timed "${buildah[@]}" bud --isolation chroot --pull-never --no-cache -t bench "$work/context"
  c=$(per_step)
  printf 'round %-3s %30s %18s %9s\n' "$round" "$a" "$b" "$c"
  ours+=("$a") layers+=("$b") plain+=("$c")
  to_layers+=("$(ratio "$a" "$b")") to_plain+=("$(ratio "$a" "$c")")
done
printf 'median %32s %18s %9s\n' "$(median "${ours[@]}")" "$(median "${layers[@]}")" \
  "$(median "${plain[@]}")"
printf 'median ratio slipway/buildah     %18s %18s\n' "$(median "${to_layers[@]}")" \
  "$(median "${to_plain[@]}")"
