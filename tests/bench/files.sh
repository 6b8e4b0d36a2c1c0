#!/bin/bash
# usage: files.sh [ROUNDS] [FILES]
#
# Build contexts and COPY, the whole command each time, alternating with the other side in one run:
#   the second build of an unchanged context of FILES files, beside find reading sizes and times;
#   a cold COPY of FILES/5 files of 4 KiB, and of one file of 512 MiB, beside cp -a and sha256sum of
#   the same tree, and beside buildah's build of the same Dockerfile;
#   the most memory that slipway had for the FILES files, in the first build and in the second.
# Every side of every round has fresh directories, and all sources are in the page cache.
. "$(dirname "$0")/common.sh"
rounds=${1:-5} files=${2:-100000}

# make_context NAME FILES BYTES
make_context() {
  local context=$work/$1 i
  mkdir -p "$context/src"
  printf 'FROM scratch\nCOPY src /src/\n' > "$context/Dockerfile"
  head -c $(($2 * $3)) /dev/urandom > "$work/bytes"
  (cd "$context/src" && for ((i = 0; i < $2; i += 100)); do mkdir "d$((i / 100))"; done
    split -a 6 -d -b "$3" "$work/bytes" f
    for ((i = 0; i < $2; i += 100)); do
      printf -v i6 %04d $((i / 100))
      mv f"$i6"?? "d$((i / 100))/"
    done)
  rm "$work/bytes"
}

# peak COMMAND...: sets `kib`.
peak() {
  /usr/bin/time -f %M -o "$work/peak" "$@" > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
  kib=$(cat "$work/peak")
}

walk() { find "$work/many" -printf '%s %T@\n' | tail -n 1; }
build() { "$slipway" build --progress=plain "$1"; }
cold() { SLIPWAY_ROOT=$work/cold.$1.$2 build "$work/$1"; }
copy() { cp -a "$work/$1/src" "$work/copy.$1.$2"; }
hash() { find "$work/$1/src" -type f -print0 | xargs -0 sha256sum; }
buildah_build() {
  buildah --root "$work/buildah.$1.$2" --runroot "$work/run.$1.$2" --storage-driver "$driver" \
    build --isolation chroot --no-cache -t bench "$work/$1"
}
# overlay needs a file system below it that is not one itself.
driver=vfs
if command -v buildah > /dev/null; then
  buildah --root "$work/probe" --runroot "$work/probe.run" --storage-driver overlay info \
    > /dev/null 2>&1 && driver=overlay
fi

machine
make_context many "$files" 64
make_context small $((files / 5)) 4096
mkdir -p "$work/large/src"
printf 'FROM scratch\nCOPY src /src/\n' > "$work/large/Dockerfile"
head -c $((512 << 20)) /dev/urandom > "$work/large/src/file"
sleep 3  # files younger than a coarse clock's granularity are hashed again, on purpose

echo "unchanged context of $files files"
printf '%-8s%18s%10s%8s\n' round "second build ms" "find ms" ratio
timed build "$work/many"
first=$ms
declare -a ratios=()
for ((round = 1; round <= rounds; round++)); do
  timed build "$work/many"; a=$ms
  grep -q '^cache: .* 0 misses' "$work/log" || { cat "$work/log" >&2; exit 1; }
  timed walk; b=$ms
  ratios+=("$(ratio "$a" "$b")")
  printf '%-8s%18s%10s%8s\n' "$round" "$a" "$b" "${ratios[-1]}"
done
echo "median ratio $(median "${ratios[@]}") (first build: $first ms)"

for name in small large; do
  echo "cold COPY: $name"
  printf '%-8s%12s%10s%14s%8s%14s%8s\n' round "slipway ms" "cp ms" "sha256sum ms" ratio "buildah ms" ratio
  ratios=()
  declare -a beside=()
  for ((round = 1; round <= rounds; round++)); do
    timed cold "$name" "$round"; a=$ms
    timed copy "$name" "$round"; b=$ms
    timed hash "$name"; c=$ms
    ratios+=("$(ratio "$a" "$(awk -v b="$b" -v c="$c" 'BEGIN { print b + c }')")")
    d=- other=-
    if command -v buildah > /dev/null; then
      timed buildah_build "$name" "$round"; d=$ms
      other=$(ratio "$a" "$d")
      beside+=("$other")
    fi
    printf '%-8s%12s%10s%14s%8s%14s%8s\n' "$round" "$a" "$b" "$c" "${ratios[-1]}" "$d" "$other"
  done
  echo "median ratio $(median "${ratios[@]}") to cp + sha256sum, $( ((${#beside[@]})) &&
    median "${beside[@]}" || echo -) to buildah ($driver)"
done

if [[ -x /usr/bin/time ]]; then
  echo "peak memory for $files files"
  declare -a first_peaks=() second_peaks=()
  for ((round = 1; round <= rounds; round++)); do
    export SLIPWAY_ROOT=$work/peak.$round
    peak "$slipway" build --progress=plain "$work/many"; first_peaks+=("$kib")
    peak "$slipway" build --progress=plain "$work/many"; second_peaks+=("$kib")
  done
  echo "median first build $(($(median "${first_peaks[@]}") / 1024)) MiB," \
    "second build $(($(median "${second_peaks[@]}") / 1024)) MiB"
else
  echo "peak memory: skipped, there is no /usr/bin/time"
fi
