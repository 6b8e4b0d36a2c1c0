#!/bin/bash
# usage: parallel.sh [ROUNDS] [STAGES]
#
# STAGES stages that each sleep two seconds, and one that takes a file from each: two seconds when
# they run side by side, whatever the number of cores. Needs root.
. "$(dirname "$0")/common.sh"
rounds=${1:-3} stages=${2:-6}

busybox
mkdir "$work/context"
{
  for ((i = 1; i <= stages; i++)); do
    printf 'FROM busybox AS s%s\nRUN sleep 2; echo %s > /%s\n' "$i" "$i" "$i"
  done
  echo 'FROM scratch'
  for ((i = 1; i <= stages; i++)); do echo "COPY --from=s$i /$i /"; done
} > "$work/context/Dockerfile"

machine
declare -a all
for ((round = 1; round <= rounds; round++)); do
  timed "$slipway" build --no-cache --progress=plain "$work/context"
  echo "$stages stages of sleep 2: $ms ms"
  all+=("$ms")
done
echo "median: $(median "${all[@]}") ms"
