#!/bin/bash
# usage: mounts.sh [MEGABYTES]
#
# Exports of a cache mount through a directory: the first, the second with 1 % of it changed, one of
# what has not changed, and an import by another machine. For three kinds of mount: files of 4 MB of
# which a part is rewritten, files of 100 KB and of 8 KB of which one in a hundred is. Random bytes,
# which no compression makes smaller. Every build runs its step; its time without an export is
# beside it.
. "$(dirname "$0")/common.sh"
megabytes=${1:-1000}
mkdir "$work/context"

# A step that fills the mount, or changes one hundredth of it. Every 100th file is rewritten, or of
# large files one hundredth, in one piece.
dockerfile() {
  cat > "$work/context/Dockerfile" <<END
FROM busybox
RUN --mount=type=cache,id=$1,target=/cache $2 # $RANDOM$RANDOM
END
}
fill() {
  local files=$((megabytes * 1000000 / $1))
  echo "for i in \$(seq $files); do mkdir -p /cache/\$((i / 1000)); head -c $1 /dev/urandom > /cache/\$((i / 1000))/f\$i; done"
}
change() {
  local files=$((megabytes * 1000000 / $1))
  if (($1 > 1000000)); then
    echo "for i in \$(seq $files); do head -c $(($1 / 100)) /dev/urandom | dd of=/cache/\$((i / 1000))/f\$i bs=1000 seek=\$((i * 37 % 3000)) conv=notrunc 2> /dev/null; done"
  else
    echo "for i in \$(seq 100 100 $files); do head -c $1 /dev/urandom > /cache/\$((i / 1000))/f\$i; done"
  fi
}

# build ROOT FLAGS...: sets `ms` and `said`, its line about the mount.
build() {
  local root=$1
  shift
  [[ -d $root ]] || SLIPWAY_ROOT=$root busybox
  timed "$slipway" --root "$root" build --progress=plain "$@" "$work/context"
  said=$(grep '^cache mount' "$work/log" | sed 's/^cache mount [^:]*: //' || true)
}
row() { printf '%-8s %-34s %9s ms  %s\n' "$@"; }

machine
for size in 4000000 100000 8000; do
  to=type=local,dest=$work/shared.$size
  dockerfile m$size "$(fill $size)"
  build "$work/one.$size"
  row $size "filling it, no export" "$ms" ""
  dockerfile m$size true
  build "$work/one.$size" --cache-mount-to "$to"
  row $size "first export" "$ms" "$said"
  dockerfile m$size "$(change $size)"
  build "$work/one.$size"
  row $size "changing 1 %, no export" "$ms" ""
  dockerfile m$size true
  build "$work/one.$size" --cache-mount-to "$to"
  row $size "second export" "$ms" "$said"
  dockerfile m$size true
  build "$work/one.$size" --cache-mount-to "$to"
  row $size "export of the same" "$ms" "$said"
  dockerfile m$size true
  build "$work/other.$size" --cache-mount-from "type=local,src=$work/shared.$size"
  row $size "import" "$ms" "$said"
  diff -r "$work/one.$size/mounts/"*[0-9a-f] "$work/other.$size/mounts/"*[0-9a-f]
done
