#!/usr/bin/env bash
# What the table of images costs when there are many: the program's whole run.
#   images.sh [ROUNDS] [IMAGES]
# Beside it runs the floor, --version. Wants the target bench_images.
source "$(dirname "$0")/common.sh"
rounds=${1:-31}
count=${2:-1000}
fill=$bench/../../build/tests/bench/bench_images
[[ -x $fill ]] || { echo "no bench_images: ninja -C build bench_images" >&2; exit 1; }

mkdir -p "$SLIPWAY_ROOT"
"$fill" "$SLIPWAY_ROOT" "$count"

declare -A forms=(
  [--version]="--version"
  [images]="images"
  ["images -q"]="images -q"
  ["images --digests"]="images --digests"
  ["images --format json"]="images --format json"
  ["images app-7"]="images app-7"
  ["images --filter label=number=7"]="images --filter label=number=7"
  ["images --tree"]="images --tree"
  ["inspect app-8"]="inspect app-8"
)
declare -A times
for ((round = 0; round < rounds; round++)); do
  for form in "${!forms[@]}"; do
    # shellcheck disable=SC2086  # words of a command line
    timed "$slipway" ${forms[$form]}
    times[$form]+="$ms "
  done
done
machine
printf '%s images, median of %s runs, ms\n' "$count" "$rounds"
for form in "${!forms[@]}"; do
  # shellcheck disable=SC2086  # a list of numbers
  printf '%-34s %8s\n' "$form" "$(median ${times[$form]})"
done | sort
