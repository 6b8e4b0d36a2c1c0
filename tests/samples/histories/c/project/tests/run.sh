#!/bin/sh
# Every line of the cases: an expression, a tab, its value.
set -eu
while IFS="$(printf '\t')" read -r expression value; do
  got=$(calc "$expression" | cut -d' ' -f1)
  test "$got" = "$value" || { echo "$expression: $got"; exit 1; }
  echo "ok $expression"
done < "$(dirname "$0")/cases.txt"
