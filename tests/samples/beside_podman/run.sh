#!/bin/bash
# usage: run.sh slipway|podman FOLDER [ROW...]
#
# Runs every row of rows.txt by that program, or those of these numbers, and leaves of row N what it printed in FOLDER/N.out and
# its exit status in FOLDER/N.status; FOLDER/store is the program's own. The images are in
# FOLDER/../images.tar. Podman's needs: a machine with one tree of control groups, which it gets in a
# mount namespace of its own, and no more limits than this machine grants.
set -u
here=$(cd "$(dirname "$0")" && pwd) engine=$1 only=" ${*:3} "
mkdir -p "$2"
folder=$(cd "$2" && pwd)
if [[ $engine == podman && ${IN_NAMESPACE:-} != made ]]; then
  IN_NAMESPACE=made exec unshare --mount --propagation private "$0" "$@"
fi
if [[ $engine == podman ]]; then
  umount -R /sys/fs/cgroup 2> /dev/null || true
  mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1
fi

c() {
  local word=$1 flags=()
  shift
  if [[ $word == run || $word == create ]]; then
    flags=(--network none)
    [[ $engine == podman ]] && flags+=(--cgroups disabled --ulimit nofile=1024:1024 --ulimit nproc=4096:4096)
  fi
  case $engine in
    slipway) "${SLIPWAY:?}" --root "$folder/store" "$word" "${flags[@]}" "$@" ;;
    podman)
      # Its log driver of another name cannot be read back without systemd.
      [[ $word == run || $word == create ]] && flags+=(--log-driver k8s-file)
      podman --root "$folder/store" --runroot "$folder/run" --cgroup-manager cgroupfs \
        --events-backend none "$word" "${flags[@]}" "$@"
      ;;
  esac
}
export -f c
export engine folder

[[ -e $folder/loaded ]] || c load -q -i "$folder/../images.tar" > "$folder/loaded" || exit 1
number=0
while IFS= read -r row; do
  [[ -z $row || $row == \#* ]] && continue
  number=$((number + 1))
  [[ $only == '  ' || $only == *" $number "* ]] || continue
  mkdir -p "$folder/work" && cd "$folder/work" || exit 1
  timeout 120 bash -c "$row" > "$folder/$number.out" 2> "$folder/$number.err" < /dev/null
  echo $? > "$folder/$number.status"
  cd "$folder" && rm -rf work
done < "$here/rows.txt"
if [[ $engine == podman ]]; then umount -l "$folder/store/overlay" 2> /dev/null || true; fi
