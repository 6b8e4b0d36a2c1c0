#!/bin/bash
# Builds every case of this folder with other builders and compares the trees and configs.
#
#   compare.sh [BUILD-FOLDER]        with each of buildah, docker and buildkit (buildkitd and
#                                    buildctl) that is installed; as root
#   TOOL=docker CASE=link compare.sh     one builder; cases whose title holds a text
#   PART=2/3 compare.sh                  every third case, from the second on
#   FIRST=116 compare.sh                 cases from this number on
#
# A difference that known_differences.txt does not explain makes it fail, and so does an
# explanation that explains nothing any more. Docker's daemon is started for the comparison, with
# a folder and a socket of its own and no network, and stopped after it.
set -uo pipefail
cd "$(dirname "$0")" || exit 2
build=${1:-../../../build}
program=$build/tests/executor/build_cases/compare_cases
[[ -x $program ]] || { echo "no $program: build the target compare_cases first" >&2; exit 2; }
((EUID == 0)) || { echo "run it as root: files get owners" >&2; exit 2; }
program=$(realpath "$program")
known=$PWD/known_differences.txt

work=$(mktemp -d "${TMPDIR:-/tmp}/slipway-compare-XXXXXX")
daemon=
finish() {
  daemon_stop
  for mounted in $(findmnt -rno TARGET | grep "^$work/" | sort -r); do umount -l "$mounted"; done
  rm -rf "$work"
} 2>> /dev/null
trap finish EXIT
"$program" write "$work/cases" || exit 2
mkdir "$work/busybox"
"$program" busybox "$work/busybox/context" || exit 2

# layout_layer LAYOUT DIRECTORY: unpacks the last layer.
unpacked() { tar --numeric-owner --xattrs --xattrs-include='*' -xpf "$1" -C "$2"; }
layout_layer() {
  local manifest
  manifest=$1/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$1/index.json") &&
    unpacked "$1/blobs/sha256/$(jq -r '.layers[-1].digest[7:]' "$manifest")" "$2"
}

# Each builder: start; then, in the folder of a case, build NAME DOCKERFILE FLAGS..., and of what
# was built tree NAME DIRECTORY, layer NAME DIRECTORY, config NAME.

buildah_start() {
  # Not vfs, which takes files of equal size and time for equal.
  export STORAGE_DRIVER=overlay CONTAINERS_STORAGE_CONF=$work/storage.conf
  printf '[storage]\ndriver = "overlay"\nrunroot = "%s"\ngraphroot = "%s"\n' \
    "$work/buildah-run" "$work/buildah" > "$work/storage.conf"
  printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' > "$work/policy.json"
}
buildah_runs() { true; }
buildah_build() {
  local ignore=()
  [[ -e $2.dockerignore ]] && ignore=(--ignorefile "$2.dockerignore")
  buildah build --isolation=chroot --pull=never --format=docker --signature-policy="$work/policy.json" \
    --layers --identity-label=false "${ignore[@]}" "${@:3}" -t "$1" -f "$2" context
}
buildah_tree() {
  local container mounted
  container=$(buildah from --pull=never --signature-policy="$work/policy.json" "localhost/$1") &&
    mounted=$(buildah mount "$container") && cp -a --reflink=auto "$mounted/." "$2" &&
    buildah rm "$container" > /dev/null
}
buildah_layer() {
  skopeo --insecure-policy copy --quiet "containers-storage:localhost/$1:latest" oci:saved &&
    layout_layer saved "$2"
}
buildah_config() {
  skopeo --insecure-policy inspect --config --raw "containers-storage:localhost/$1:latest"
}

# The daemon of docker or of BuildKit.
daemon_stop() {
  [[ -n $daemon ]] || return 0
  kill "$daemon"
  wait "$daemon"
  daemon=
  # What a dockerd that crashed leaves behind.
  local containerd=${docker_root:-}/exec/containerd/containerd.pid
  [[ -e $containerd ]] && kill "$(< "$containerd")"
} 2> /dev/null
daemon_runs() { kill -0 "$daemon" 2> /dev/null; }

# A client that came from elsewhere may lack BuildKit (buildx): Debian's has it.
docker() { if [[ -x /usr/bin/docker ]]; then /usr/bin/docker "$@"; else command docker "$@"; fi; }
docker_start() {
  daemon_stop
  docker_root=$(mktemp -d "$work/docker-XXX")
  export DOCKER_HOST=unix://$docker_root/socket DOCKER_BUILDKIT=1 DOCKER_CONFIG=$docker_root
  dockerd --host="$DOCKER_HOST" --data-root="$docker_root/data" --exec-root="$docker_root/exec" \
    --pidfile="$docker_root/pid" --iptables=false --ip6tables=false --bridge=none \
    > "$docker_root/log" 2>&1 &
  daemon=$!
  for _ in {1..300}; do
    docker version > /dev/null 2>&1 && return
    sleep 0.2
  done
  cat "$docker_root/log" >&2
  return 1
}
# Some Dockerfiles crash the daemon.
docker_runs() { daemon_runs; }
# Without its cache, whose keys do not know the order of several sources.
docker_build() {
  local output=(-t "$1")
  [[ $1 == compared && -e tree ]] && output=(-o type=tar,dest=result.tar)
  # By its full path: that of the context is what docker remembers contexts by.
  # There is no bridge, so RUN has the host's network, as with us.
  docker build --no-cache --network=host "${@:3}" "${output[@]}" -f "$PWD/$2" "$PWD/context"
}
docker_tree() { unpacked result.tar "$2"; }
docker_layer() {
  mkdir saved && docker save "$1" | tar -x -C saved &&
    unpacked "saved/$(jq -r '.[0].Layers[-1]' saved/manifest.json)" "$2"
}
docker_config() {
  docker build --quiet --network=host -t "$1" "${flags[@]}" -f "$PWD/Dockerfile" "$PWD/context" > /dev/null &&
    docker image inspect --format '{"config": {{json .Config}}}' "$1"
}

# BuildKit itself, which can be newer than docker's. It keeps no images: what a case is built on is
# given to it as a named context.
buildkit_start() {
  daemon_stop
  buildkit_root=$(mktemp -d "$work/buildkit-XXX")
  export BUILDKIT_HOST=unix://$buildkit_root/socket
  printf '[dns]\nnameservers = ["127.0.0.1"]\n' > "$buildkit_root/buildkitd.toml"
  buildkitd --config "$buildkit_root/buildkitd.toml" --addr "$BUILDKIT_HOST" \
    --root "$buildkit_root/data" --containerd-worker=false --oci-worker-net=host \
    > "$buildkit_root/log" 2>&1 &
  daemon=$!
  for _ in {1..300}; do
    buildctl debug workers > /dev/null 2>&1 && return
    sleep 0.2
  done
  cat "$buildkit_root/log" >&2
  return 1
}
buildkit_runs() { daemon_runs; }
buildkit_build() {
  local name=$1 dockerfile=$2 flag layout options=()
  shift 2
  for flag; do
    case $flag in
      --build-context=*) flag=${flag#*=}
        options+=(--local "${flag%%=*}=${flag#*=}" --opt "context:${flag%%=*}=local:${flag%%=*}") ;;
      --build-arg=*) options+=(--opt "build-arg:${flag#*=}") ;;
      --label=*) options+=(--opt "label:${flag#*=}") ;;
      --*) options+=(--opt "${flag#--}") ;;
    esac
  done
  for layout in layouts/*/; do
    [[ -e $layout ]] || continue
    layout=$(basename "$layout")
    options+=(--oci-layout "$layout=layouts/$layout" --opt
      "context:$layout=oci-layout:$layout@$(jq -r '.manifests[0].digest' "layouts/$layout/index.json")")
  done
  mkdir -p layouts
  [[ $name == compared && -e tree ]] && options+=(--output type=tar,dest=result.tar)
  buildctl build --progress=plain --no-cache --frontend=dockerfile.v0 --local context=context \
    --local "dockerfile=$(dirname "$dockerfile")" --opt "filename=$(basename "$dockerfile")" \
    "${options[@]}" --output "type=oci,tar=false,name=$name:latest,dest=layouts/$name"
}
buildkit_tree() { docker_tree "$@"; }
buildkit_layer() { layout_layer layouts/compared "$2"; }
buildkit_config() {
  jq '{config}' "layouts/compared/blobs/sha256/$(jq -r '.config.digest[7:]' \
    "layouts/compared/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' layouts/compared/index.json)")"
}

# The reason that known_differences.txt gives, "TOOL WHERE REGEX -- REASON" a line; WHERE is
# "title", "Dockerfile" or "flags".
reason_for() {
  local tool where regex reason text line
  while IFS= read -r line; do
    [[ $line == '#'* || -z $line ]] && continue
    read -r tool where regex <<< "${line%% -- *}"
    reason=${line#* -- }
    [[ $tool == "$1" ]] || continue
    text=$title
    [[ $where == title ]] || text=$(tr -d "\\0" < "$where")
    if grep -qE -- "$regex" <<< "$text"; then
      echo "$line" >> "$work/used"
      echo "$reason"
      return
    fi
  done < "$known"
  return 1
}

# Prints how the case in the current folder differs.
compare_case() {
  local image start
  start=$(date +%s)
  # What it built of busybox, where it keeps no images.
  [[ -e busybox && -e $work/busybox/layouts ]] && cp -a "$work/busybox/layouts" .
  while read -r image; do
    "$1_build" "$image" "images/$image.Dockerfile" > log 2>&1 || { echo "  $image does not build"; return 1; }
  done < images.list
  if ! "$1_build" compared Dockerfile "${flags[@]}" > log 2>&1; then
    [[ -e error ]] && return 0
    echo "  it does not build:"
    grep -vE '^(#|STEP|$)' log | tail -3 | sed 's/^/    /'
    return 1
  fi
  if [[ -e error ]]; then
    echo "  it builds, and we say: $(< error)"
    return 1
  fi
  if [[ -e tree ]]; then
    mkdir result
    "$1_tree" compared "$PWD/result" > log 2>&1 || { sed 's/^/    /' log; return 1; }
    "$program" tree . result "$start" || return 1
  fi
  if [[ -e output ]]; then "$program" output . log || return 1; fi
  if [[ -e layer ]]; then
    mkdir unpacked
    "$1_layer" compared "$PWD/unpacked" > log 2>&1 || { sed 's/^/    /' log; return 1; }
    "$program" layer . unpacked || return 1
  fi
  if [[ -e config ]]; then
    # As much of an image layout as the comparison reads.
    mkdir -p layout/blobs/sha256
    echo '{"manifests": [{"digest": "sha256:manifest"}]}' > layout/index.json
    echo '{"config": {"digest": "sha256:config"}}' > layout/blobs/sha256/manifest
    "$1_config" compared > layout/blobs/sha256/config 2> log || { sed 's/^/    /' log; return 1; }
    "$program" config . layout || return 1
  fi
}

# start TOOL: with the image busybox.
start() {
  "$1_start" || { echo "$1 does not start" >&2; return 1; }
  cd "$work/busybox" || return
  "$1_build" busybox context/Dockerfile > log 2>&1 || { cat log >&2; return 1; }
  cd "$work" || return
}

declare -A program_of=([buildkit]=buildkitd)
status=0
for tool in buildah docker buildkit; do
  [[ ${TOOL:-$tool} == "$tool" ]] || continue
  type -P "${program_of[$tool]:-$tool}" > /dev/null || { echo "$tool is not installed"; continue; }
  start "$tool" || { status=1; continue; }
  same=0 explained=0 unknown=0
  : > "$work/used"
  for folder in "$work"/cases/*/; do
    title=$(< "$folder/title")
    [[ $title == *${CASE:-}* ]] || continue
    number=$((10#$(basename "$folder")))
    ((number >= ${FIRST:-0})) || continue
    [[ -z ${PART:-} ]] || ((number % ${PART#*/} == ${PART%/*} % ${PART#*/})) || continue
    # A folder of its own, since docker takes files of equal place, size and time for equal.
    copy=$work/$tool-$number
    cp -a "$folder" "$copy"
    "$tool"_runs || start "$tool" || exit 2
    cd "$copy" || exit 2
    mapfile -t flags < flags
    if differences=$(compare_case "$tool"); then
      ((++same))
    elif reason=$(reason_for "$tool"); then
      ((++explained))
      printf '%s: %s\n  known: %s\n' "$tool" "$title" "$reason"
      [[ -n ${VERBOSE:-} ]] && printf '%s\n' "$differences"
    else
      ((++unknown))
      printf '%s: %s\n%s\n' "$tool" "$title" "$differences"
      status=1
    fi
    cd "$work" || exit 2
    rm -rf "$copy"
  done
  if [[ -z ${CASE:-}${PART:-}${FIRST:-} ]]; then
    while IFS= read -r line; do
      [[ $line == "$tool "* ]] || continue
      grep -qxF -- "$line" "$work/used" || { echo "explains nothing: $line"; status=1; }
    done < "$known"
  fi
  echo "$tool: $same same, $explained different for a known reason, $unknown different"
done
exit "$status"
