# shellcheck shell=bash
# What the benchmarks share. Sourced, not run.
set -euo pipefail
export LC_ALL=C.UTF-8

bench=$(cd "$(dirname "$0")" && pwd)
slipway=${SLIPWAY:-$bench/../../build/frontend/cli/slipway}
[[ -x $slipway ]] || { echo "no slipway at $slipway: build it, or set SLIPWAY" >&2; exit 1; }

# Fresh directories, deleted at the very end: on some file systems creating after deleting is slow.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SLIPWAY_ROOT=$work/state SLIPWAY=$slipway

busybox() { "$bench/../../samples/base-images.sh" busybox:latest > /dev/null; }

# timed COMMAND...: runs it, its output to $work/log, and sets `ms`.
timed() {
  local before=$EPOCHREALTIME
  "$@" > "$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; echo "failed: $*" >&2; exit 1; }
  ms=$(awk -v a="$before" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", (b - a) * 1000 }')
}

# median NUMBER...
median() { printf '%s\n' "$@" | sort -n | awk '{ n[NR] = $1 } END { print n[int((NR + 1) / 2)] }'; }

# ratio A B
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }

machine() {
  printf '%s cores, Linux %s, load %s\n' "$(nproc)" "$(uname -r)" "$(cut -d' ' -f1 /proc/loadavg)"
}
