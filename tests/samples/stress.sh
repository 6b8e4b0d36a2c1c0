#!/bin/bash
# usage: stress.sh [SECONDS [PROCESSES]]        (120, 20)
#
# Processes that build, pull, tag, remove, save, prune and verify in one store at once, in rounds of
# at most half a minute. Builds and prunes are killed now and then. After each round the store has to
# be sound; nobody may ever see it otherwise, and nothing may fail but for what another process has
# done on purpose: an image that was removed. Prints how often each was done.
#
# SLIPWAY  the program
set -euo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd)
slipway=${SLIPWAY:-$here/../../build/frontend/cli/slipway}
seconds=${1:-120}
processes=${2:-20}

if [[ $EUID != 0 ]]; then echo "skipped: the base image is made by root"; exit 0; fi
command -v docker-registry skopeo > /dev/null || { echo "skipped: no docker-registry or skopeo"; exit 0; }

work=$(mktemp -d)
registry=
workers=()
finish() {
  local pid
  for pid in ${workers[@]+"${workers[@]}"} $registry; do kill "$pid" 2> /dev/null || true; done
  wait
  rm -rf "$work"
}
trap finish EXIT
export SLIPWAY_ROOT=$work/state SLIPWAY=$slipway

# The images that are pulled: three of one base, so that they share a layer, in a registry of our own.
address=127.0.0.1:$((20000 + $$ % 20000))
printf 'version: 0.1\nlog: {level: error}\nstorage:\n  filesystem: {rootdirectory: %s}\nhttp: {addr: "%s"}\n' \
  "$work/registry" "$address" > "$work/registry.yml"
docker-registry serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
registry=$!
for ((i = 0; i < 200; i++)); do
  (exec 3<> "/dev/tcp/${address/:/\/}") 2> /dev/null && break
  sleep 0.05
done
"$here/../../samples/base-images.sh" busybox:latest > /dev/null
for n in 1 2 3; do
  mkdir "$work/base$n"
  printf 'FROM busybox\nRUN echo %s > /base; head -c 300000 /dev/urandom > /bytes\n' "$n" \
    > "$work/base$n/Dockerfile"
  "$slipway" build -q -t "base:$n" "$work/base$n" > /dev/null
  "$slipway" save -o "$work/base.tar" "base:$n"
  skopeo copy --quiet --insecure-policy --dest-tls-verify=false \
    "docker-archive:$work/base.tar" "docker://$address/base:$n"
  "$slipway" rmi "base:$n" > /dev/null
  rm "$work/base.tar"
done
"$slipway" config set cache.keep 3MB

# What is a process's own doing: somebody else removed the image that it wanted.
excused='there is no image|no longer in the store|removed while the build ran|just been removed|is not in the store|has lost its layer'

# attempt NAME COMMAND...: counts what went well, and what another process has made impossible. All
# else ends the test.
attempt() {
  local name=$1 status=0
  shift
  # The shell itself would say of each that it was killed.
  { "$@" > "$own/log" 2>&1; } 2> /dev/null || status=$?
  if ((status == 0)); then
    echo "$name" >> "$own/counts"
  elif ((status == 137)); then
    echo "killed" >> "$own/counts"
  elif grep -qE "$excused" "$own/log"; then
    echo "$name-excused" >> "$own/counts"
  else
    { echo "failed ($status): $*"; cat "$own/log"; } >> "$work/failures"
  fi
}

make_context() {
  local n=$((RANDOM % 3 + 1))
  mkdir -p "$own/context"
  echo "$((RANDOM % 5))" > "$own/context/input"
  cat > "$own/context/Dockerfile" <<END
FROM $address/base:$n AS one
RUN --mount=type=cache,target=/cache echo $((RANDOM % 4)) >> /cache/log; cat /base > /one
COPY input /input
RUN head -c $((RANDOM % 3 * 100000 + 1)) /dev/zero > /zeros
FROM $address/base:$((RANDOM % 3 + 1))
COPY --from=one /one /input /zeros /
RUN test -s /one && cat /input > /out
END
}

work_until() {
  own=$work/$1
  RANDOM=$(($1 * 7919 + $3))
  mkdir -p "$own"
  local tag
  while ((EPOCHSECONDS < $2)); do
    tag=stress:$((RANDOM % 6))
    case $((RANDOM % 16)) in
      0 | 1 | 2 | 3 | 4) make_context; attempt build "$slipway" build -t "$tag" "$own/context" ;;
      5) make_context
         attempt build-killed timeout -s KILL "0.$((RANDOM % 10))" "$slipway" build "$own/context" ;;
      6) attempt pull "$slipway" pull -q "$address/base:$((RANDOM % 3 + 1))" ;;
      7) attempt tag "$slipway" tag "$tag" "stress:$((RANDOM % 6))" ;;
      8 | 9) attempt rmi "$slipway" rmi "$tag" ;;
      10) attempt rmi-base "$slipway" rmi "$address/base:$((RANDOM % 3 + 1))" ;;
      11) attempt prune-all "$slipway" prune --all ;;
      12) attempt prune-keep "$slipway" prune --keep "$((RANDOM % 1000))k" ;;
      13) attempt prune-killed timeout -s KILL "0.0$((RANDOM % 10))" "$slipway" prune --all ;;
      14) attempt save "$slipway" save -o "$own/saved.tar" "$tag" ;;
      15) attempt du "$slipway" du -v ;;
    esac
  done
}

rounds=$(((seconds + 29) / 30))
for ((round = 1; round <= rounds; round++)); do
  end=$((EPOCHSECONDS + seconds / rounds))
  workers=()
  for ((i = 0; i < processes; i++)); do
    work_until "$i" "$end" "$round" &
    workers+=($!)
  done
  wait "${workers[@]}"
  workers=()
  # What a killed prune has left is for the next one, or the next build, to sweep up.
  "$slipway" prune > /dev/null
  if ! "$slipway" fsck -n > "$work/fsck" 2>&1; then
    echo "round $round: the store is not sound"
    cat "$work/fsck"
    exit 1
  fi
  echo "round $round: $(tail -n 1 "$work/fsck")"
  if [[ -s $work/failures ]]; then
    cat "$work/failures"
    exit 1
  fi
done
cat "$work"/*/counts | sort | uniq -c | awk '{ printf "%s%s %s", NR == 1 ? "" : ", ", $2, $1 } END { print "" }'
left=$(find "$work/state/work" -mindepth 1 -maxdepth 1 | wc -l)
echo "$(awk 'END { print NR }' "$work"/*/counts) operations of $processes processes in $seconds s; folders left in work/: $left"
