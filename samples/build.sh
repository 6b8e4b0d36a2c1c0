#!/bin/bash
# usage: build.sh [SAMPLE...]       (all: hello web c-project many-stages)
#
# Makes the base images, builds each sample twice, and shows what the second build's cache did.
# SLIPWAY, SLIPWAY_ROOT, SAMPLES_CACHE: as for base-images.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
slipway=${SLIPWAY:-slipway}

# run COMMAND...: shows the command, then runs it.
run() { printf '\n$ %s\n' "${*/#$here/samples}"; "$@"; }

run "$here/base-images.sh"
(($#)) || set -- hello web c-project many-stages
for sample; do
  [[ $sample != c-project ]] || run "$here/c-project/fetch.sh"
  run "$slipway" build -t "samples/$sample" "$here/$sample"
  second=$(run "$slipway" build -t "samples/$sample" "$here/$sample" 2>&1) || {
    printf '%s\n' "$second"; exit 1; }
  printf '%s\n' "$second" | grep -vE '^(#|$)'
done
run "$slipway" images
