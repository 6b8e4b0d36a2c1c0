#!/bin/bash
# usage: push.sh [ROUNDS] [MEGABYTES]
#
# A push of an image of MEGABYTES (500), whose layers have never been compressed, into an empty
# docker-registry on loopback, beside skopeo's from an uncompressed archive of the same image, and beside
# `buildah push` where it is to be had; alternating in one run, with the bytes that the registry has
# then. A second push of slipway's into another repository sends nothing. Needs root, docker-registry
# and skopeo.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/registry.sh"
rounds=${1:-3} megabytes=${2:-500}

context "$megabytes" "$work/context"
"$slipway" build -q -t bench "$work/context" > /dev/null
"$slipway" save -o "$work/bench.tar" bench
buildah=(buildah --root "$work/buildah" --runroot "$work/buildah-run" --storage-driver overlay)
rivals=(skopeo)
if command -v buildah > /dev/null; then
  rivals+=(buildah)
  "${buildah[@]}" pull -q "docker-archive:$work/bench.tar" > /dev/null
fi

# Each round in a store that has compressed nothing yet.
prepare() {
  export SLIPWAY_ROOT=$work/store-$1
  "$slipway" build -q -t "$address/app/bench:1" "$work/context" > /dev/null
}
push_slipway() { "$slipway" push -q "$address/app/bench:1"; }
mount_slipway() { "$slipway" tag "$address/app/bench:1" "$address/other/bench:1" && "$slipway" push -q "$address/other/bench:1"; }
push_skopeo() { skopeo copy -q --insecure-policy --dest-tls-verify=false "docker-archive:$work/bench.tar" "docker://$address/bench:1"; }
push_buildah() { "${buildah[@]}" push -q --tls-verify=false bench "docker://$address/bench:1"; }
stored() { du -sk --apparent-size "$work/$1/docker/registry/v2/blobs" | awk '{ printf "%.1f", $1 / 1000 }'; }

machine
printf 'image: %s MB\n' "$(du -sm --apparent-size "$work/context" | cut -f1)"
declare -A ratios=()
for ((round = 1; round <= rounds; round++)); do
  start_registry "slipway-$round"
  prepare "$round"
  sync
  timed push_slipway
  ours=$ms
  size=$(stored "slipway-$round")
  line="round $round: slipway $ours ms ($size MB)"
  timed mount_slipway
  line+=", into another repository $ms ms ($(stored "slipway-$round") MB)"
  for rival in "${rivals[@]}"; do
    start_registry "$rival-$round"
    sync
    timed "push_$rival"
    line+=", $rival $ms ms ($(stored "$rival-$round") MB)"
    ratios[$rival]+=" $(ratio "$ours" "$ms")"
  done
  echo "$line (load $(cut -d' ' -f1 /proc/loadavg))"
done
for rival in "${rivals[@]}"; do
  # shellcheck disable=SC2086  # many numbers
  echo "median ratio to $rival: $(median ${ratios[$rival]})"
done
