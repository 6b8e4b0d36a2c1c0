#!/bin/bash
# usage: archive.sh [ROUNDS] [MB]
#
# An image of one layer of MB megabytes (copies of /usr) out of the store, beside `tar` piped into the
# programs for the formats, with the bytes that come out:
#   save, gzip        beside tar | pigz -6 (aim: a fifth of its time, at most 11 % more bytes)
#   gzip, level 9     beside gzip -9 (aim: no more bytes)
#   save, zstd        beside tar | zstd -T2 (aim: no more time)
# A layer is compressed once and remembered, so each round has a store of its own that saw no save.
# Level 9 and gzip -9 are made once, of a tenth of the files: gzip takes minutes for all of them.
. "$(dirname "$0")/common.sh"
rounds=${1:-3} megabytes=${2:-500}
for program in pigz zstd gzip; do
  command -v $program > /dev/null || { echo "$program is not installed" >&2; exit 1; }
done

# tree FOLDER MB: files of /usr until there are so many.
tree() {
  mkdir -p "$1"
  local have=0 want=$(($2 * 1000000)) file size
  while IFS=$'\t' read -r size file; do
    mkdir -p "$1/${file%/*}"
    cp "/usr/$file" "$1/$file" 2> /dev/null || continue
    have=$((have + size))
    ((have >= want)) && break
  done < <(cd /usr && find bin lib share -type f -size -40M -printf '%s\t%p\n' 2> /dev/null |
    LC_ALL=C sort -k2)
}
tree "$work/files" "$megabytes"
tree "$work/few" $((megabytes / 10))

# store NAME FOLDER: a store with the folder's files as the image "bench".
store() {
  tar -C "$2" -cf - . | SLIPWAY_ROOT=$work/$1 "$slipway" import - bench > /dev/null
}
# out NAME FIELDS: the image as an OCI archive, through a build that is all hits but for its output.
mkdir -p "$work/context"
echo "FROM bench" > "$work/context/Dockerfile"
out() {
  SLIPWAY_ROOT=$work/$1 "$slipway" build -q -o "type=oci,dest=$work/$1.tar,$2" "$work/context"
}
save() { SLIPWAY_ROOT=$work/$1 "$slipway" save --format oci -o "$work/$1.tar" bench; }
piped() { tar -C "$work/files" -cf - . | "$@" > "$work/other"; }
bytes() { stat -c %s "$1"; }

machine
echo "$megabytes MB of files; ms and bytes"
declare -A ratios=()
for ((round = 1; round <= rounds; round++)); do
  store "gzip$round" "$work/files"
  timed save "gzip$round"; own=$ms own_bytes=$(bytes "$work/gzip$round.tar")
  timed piped pigz -6; other=$ms other_bytes=$(bytes "$work/other")
  echo "round $round: save, gzip $own ms $own_bytes; tar | pigz -6 $other ms $other_bytes"
  ratios[gzip]+=" $(ratio "$own" "$other")"
  ratios[gzip_bytes]+=" $(ratio "$own_bytes" "$other_bytes")"

  store "zstd$round" "$work/files"
  timed out "zstd$round" compression=zstd,force-compression=true
  own=$ms own_bytes=$(bytes "$work/zstd$round.tar")
  timed piped zstd -q -T2; other=$ms other_bytes=$(bytes "$work/other")
  echo "round $round: zstd $own ms $own_bytes; tar | zstd -T2 $other ms $other_bytes"
  ratios[zstd]+=" $(ratio "$own" "$other")"
  ratios[zstd_bytes]+=" $(ratio "$own_bytes" "$other_bytes")"
  rm -f "$work/other" "$work/gzip$round.tar" "$work/zstd$round.tar"
done
store nine "$work/few"
timed out nine compression=gzip,compression-level=9,force-compression=true
own=$ms own_bytes=$(bytes "$work/nine.tar")
few() { tar -C "$work/few" -cf - . | gzip -9 > "$work/other"; }
timed few
echo "$((megabytes / 10)) MB: gzip, level 9 $own ms $own_bytes; tar | gzip -9 $ms ms $(bytes "$work/other")"
# shellcheck disable=SC2086  # many numbers
echo "median ratios: save, gzip to tar | pigz -6 $(median ${ratios[gzip]})," \
  "bytes $(median ${ratios[gzip_bytes]}); zstd to tar | zstd -T2 $(median ${ratios[zstd]})," \
  "bytes $(median ${ratios[zstd_bytes]}); level 9 to gzip -9, bytes" \
  "$(ratio "$own_bytes" "$(bytes "$work/other")")"
