#!/bin/bash
# usage: context.sh [ROUNDS] [FILES]
#
# The second build of an unchanged context of FILES files, the whole command, beside the cheapest
# walk that reads every file's size and time: find. Alternating in one run.
. "$(dirname "$0")/common.sh"
rounds=${1:-9} files=${2:-10000}

context=$work/context
mkdir "$context"
printf 'FROM scratch\nCOPY . /src/\n' > "$context/Dockerfile"
for ((i = 0; i < files; i++)); do
  ((i % 100)) || mkdir "$context/d$((i / 100))"
  echo "file $i" > "$context/d$((i / 100))/f$i"
done
sleep 1  # files younger than the clock's granularity are hashed again, on purpose

walk() { find "$context" -type f -printf '%s %T@\n' | tail -n 1; }
build() { "$slipway" build --progress=plain "$context"; }

machine
timed build
echo "first build of $files files: $ms ms"
timed build
echo "round   second build ms   find ms"
declare -a ours theirs ratios
for ((round = 1; round <= rounds; round++)); do
  timed build; a=$ms
  grep -q '^cache: .* 0 misses' "$work/log" || { cat "$work/log" >&2; exit 1; }
  timed walk; b=$ms
  printf '%-7s %15s %9s\n' "$round" "$a" "$b"
  ours+=("$a") theirs+=("$b") ratios+=("$(ratio "$a" "$b")")
done
printf 'median  %15s %9s   ratio %s\n' "$(median "${ours[@]}")" "$(median "${theirs[@]}")" \
  "$(median "${ratios[@]}")"
