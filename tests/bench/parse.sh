#!/usr/bin/env bash
# What reading a Dockerfile costs: a program's whole run for 50 lines, and a large file.
#   parse.sh [ROUNDS] [LINES]
# Debian has no other program that parses a Dockerfile and does nothing else, so beside it run the
# floor (`true`), slipway's own start (--version), and `wc`, which reads the same bytes.
source "$(dirname "$0")/common.sh"
rounds=${1:-31}
lines=${2:-10000}

# dockerfile LINES: what people write, in the proportions they write it.
dockerfile() {
  awk -v lines="$1" 'BEGIN {
    print "# syntax=docker/dockerfile:1"; print "FROM debian:bookworm AS build"
    for (n = 2; n + 9 <= lines; n += 9) {
      print "# Part " n "."
      print "ARG VERSION_" n "=1." n
      print "ENV PATH=/opt/" n "/bin:$PATH MODE=${MODE:-release}"
      print "WORKDIR /src/" n
      print "COPY --chown=1000:1000 part" n "/ ./"
      print "RUN --mount=type=cache,target=/root/.cache \\"
      print "    set -eu; \\"
      print "    make -j4 VERSION=\"$VERSION_" n "\" && \\"
      print "    make install"
    }
    for (; n < lines; n++) print "LABEL line" n "=\"the last ones\""
  }'
}
mkdir "$work/small" "$work/large"
dockerfile 50 > "$work/small/Dockerfile"
dockerfile "$lines" > "$work/large/Dockerfile"

# each NAME COMMAND...: one timing, added to the array `NAME`.
each() {
  local -n times=$1
  shift
  timed "$@"
  times+=("$ms")
}
# shellcheck disable=SC2034  # each and row use them by name
declare -a floor version small_read small_ast small_json small_fmt large_read large_ast large_json large_fmt
for ((round = 0; round < rounds; round++)); do
  each floor true
  each version "$slipway" --version
  each small_read wc "$work/small/Dockerfile"
  each small_ast "$slipway" build --print=ast "$work/small"
  each small_json "$slipway" build --print=ast --format=json "$work/small"
  each small_fmt "$slipway" fmt --check "$work/small/Dockerfile"
  ((round % 4 == 0)) || continue
  each large_read wc "$work/large/Dockerfile"
  each large_ast "$slipway" build --print=ast "$work/large"
  each large_json "$slipway" build --print=ast --format=json "$work/large"
  each large_fmt "$slipway" fmt --check "$work/large/Dockerfile"
done

# row TEXT TIMES BESIDE ITS-TEXT
row() {
  local -n mine=$2 other=$3
  local a b
  a=$(median "${mine[@]}")
  b=$(median "${other[@]}")
  printf '  %-42s %8s ms   %7s times %s\n' "$1" "$a" "$(ratio "$a" "$b")" "$4"
}
echo "reading Dockerfiles, medians of $rounds rounds, $(machine)"
echo "whole processes, 50 lines:"
row "true" floor floor true
row "slipway --version" version floor true
row "wc Dockerfile" small_read floor true
row "slipway build --print=ast" small_ast version "slipway --version"
row "slipway build --print=ast --format=json" small_json version "slipway --version"
row "slipway fmt --check" small_fmt version "slipway --version"
echo "whole processes, $lines lines, $(stat -c %s "$work/large/Dockerfile") bytes:"
row "wc Dockerfile" large_read floor true
row "slipway build --print=ast" large_ast large_read wc
row "slipway build --print=ast --format=json" large_json large_read wc
row "slipway fmt --check" large_fmt large_read wc
parse=$(awk -v a="$(median "${large_ast[@]}")" -v b="$(median "${version[@]}")" -v n="$lines" \
  'BEGIN { printf "%.1f ms, %.1f us a line", a - b, (a - b) * 1000 / n }')
echo "parsing and printing $lines lines without the start of the program: $parse"
