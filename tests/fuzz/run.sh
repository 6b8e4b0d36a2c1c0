#!/bin/bash
# run.sh TARGET PROGRAM: fuzzes for SLIPWAY_FUZZ_SECONDS (60), beginning with the corpus, and says in
# one line what came of it. What it finds it keeps beside the program, and fails.
set -euo pipefail
target=$1 program=$2
folder=$(cd "$(dirname "$0")" && pwd)
seconds=${SLIPWAY_FUZZ_SECONDS:-60}

work=$program.work
rm -rf "$work"
mkdir -p "$work/new" "$work/found"

# New inputs go to the first folder; the corpus itself is only read.
status=0
"$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
  -print_final_stats=1 -dict="$folder/dictionary.txt" -artifact_prefix="$work/found/" \
  "$work/new" "$folder/corpus/$target" > "$work/log" 2>&1 || status=$?

figure() { sed -n "s/^stat::$1: *//p" "$work/log"; }
if ((status == 0)); then
  echo "fuzz $target: passed, $(figure number_of_executed_units) inputs in $seconds s," \
       "$(figure peak_rss_mb) MB at most"
  exit 0
fi

tail -n 60 "$work/log"
for input in "$work"/found/*; do
  [[ -e $input ]] || continue
  echo "to reproduce:"
  echo "  base64 -d > input <<< $(base64 -w 0 "$input")"
  echo "  $program input"
done
echo "fuzz $target: FAILED, exit status $status"
exit 1
