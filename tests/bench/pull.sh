#!/bin/bash
# usage: pull.sh [ROUNDS] [MEGABYTES]
#
# A pull into an empty store, from docker-registry on loopback, beside `skopeo copy` to an OCI directory,
# which unpacks nothing, and beside `buildah pull` and `docker pull` where they are to be had; alternating
# in one run. The image holds MEGABYTES (400) of this machine's own files; skopeo compressed it. Needs
# root, docker-registry and skopeo.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/registry.sh"
rounds=${1:-5} megabytes=${2:-400}

context "$megabytes" "$work/context"
"$slipway" build -q -t bench "$work/context" > /dev/null
"$slipway" save -o "$work/bench.tar" bench
start_registry registry
skopeo copy -q --insecure-policy --dest-tls-verify=false "docker-archive:$work/bench.tar" "docker://$address/bench:1"

rivals=(skopeo)
! command -v buildah > /dev/null || rivals+=(buildah)
! docker info > /dev/null 2>&1 || rivals+=(docker)
pull_slipway() { SLIPWAY_ROOT=$work/store-$1 "$slipway" pull -q "$address/bench:1"; }
pull_skopeo() { skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$address/bench:1" "oci:$work/oci-$1:1"; }
pull_buildah() {
  buildah --root "$work/buildah-$1" --runroot "$work/buildah-run-$1" --storage-driver overlay \
    pull -q --tls-verify=false "$address/bench:1"
}
pull_docker() { docker rmi "$address/bench:1" > /dev/null 2>&1 || true; docker pull -q "$address/bench:1"; }

machine
printf 'image: %s files, %s MB, %s MB in the registry\n' "$(find "$work/context" -type f | wc -l)" \
  "$(du -sm --apparent-size "$work/context" | cut -f1)" "$(du -sm "$work/registry" | cut -f1)"
declare -A ratios=()
for ((round = 1; round <= rounds; round++)); do
  line=$(printf 'round %-3s' "$round")
  sync
  timed pull_slipway "$round"
  ours=$ms
  line+=" slipway $ours ms"
  for rival in "${rivals[@]}"; do
    sync
    timed "pull_$rival" "$round"
    line+=", $rival $ms ms"
    ratios[$rival]+=" $(ratio "$ours" "$ms")"
  done
  echo "$line (load $(cut -d' ' -f1 /proc/loadavg))"
done
for rival in "${rivals[@]}"; do
  # shellcheck disable=SC2086  # many numbers
  echo "median ratio to $rival: $(median ${ratios[$rival]})"
done
