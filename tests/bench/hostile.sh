#!/bin/bash
# usage: hostile.sh [SCALE]
#
# Dockerfiles that are huge or nested beyond reason, each of a size n and of 2n: milliseconds of a processor for
# `slipway build --print=graph` (or the mistakes it ends with), the ratio, and the most memory. About
# 2 is right; 4 would be the square. SCALE multiplies every n; 1 gives the sizes named.
slipway=${SLIPWAY:-$(dirname "$0")/../../build/frontend/cli/slipway}
scale=${1:-1}
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
mkdir "$work/context"

repeated() { perl -e 'print $ARGV[0] x $ARGV[1]' "$1" "$2"; }  # TEXT TIMES

# Each writes a Dockerfile of size n. `#` names the size that counts as n = 1.
long_line()        { printf 'FROM scratch\nENV A='; repeated x $(($1 * 5242880)); }          # 5 MiB
long_bad_line()    { printf 'FROM scratch\nEXPOSE '; repeated 'x' $(($1 * 5242880)); }       # 5 MiB
long_wide_line()   { printf 'FROM scratch\nCOPY --form=x '; repeated '漢' $(($1 * 1048576)); } # 3 MiB
instructions()     { echo 'FROM scratch'; repeated $'ENV A=b\n' $(($1 * 50000)); }
copies()           { echo 'FROM scratch'; repeated $'COPY a /b\n' $(($1 * 50000)); }
bad_instructions() { echo 'FROM scratch'; repeated $'EXPOSE x\n' $(($1 * 50000)); }
misspelt()         { repeated $'FORM scratch AS a\n' $(($1 * 50000)); }
stages()           { perl -e 'print "FROM scratch AS s0\n"; for (1..$ARGV[0]) { $b=$_-1; print "FROM s$b AS s$_\nENV A$_=b\n" }' $(($1 * 5000)); }
wrong_stages()     { perl -e 'for (1..$ARGV[0]) { print "FROM scratch AS stage$_\nCOPY --from=stgae$_ /a /b\n" }' $(($1 * 5000)); }
nesting()          { printf 'FROM scratch\nENV A='; repeated '${a:-' $(($1 * 5000)); }
closed_nesting()   { printf 'FROM scratch\nENV A='; repeated '${a:-' $(($1 * 5000)); repeated '}' $(($1 * 5000)); }
heredocs()         { printf 'FROM scratch\nRUN '; repeated '<<A ' $(($1 * 5000)); echo; repeated $'A\n' $(($1 * 5000)); }
open_heredocs()    { printf 'FROM scratch\nRUN '; repeated '<<A ' $(($1 * 5000)); echo; }
words()            { printf 'FROM scratch\nCOPY '; repeated 'a ' $(($1 * 50000)); echo /; }
onbuild()          { echo 'FROM scratch'; repeated 'ONBUILD ' $(($1 * 5000)); }
triggers()         { echo 'FROM scratch AS a'; repeated $'ONBUILD ENV A=b\n' $(($1 * 20000)); echo 'FROM a'; }
arg_chain()        { perl -e 'print "FROM scratch\nARG a0=x\n"; for (1..$ARGV[0]) { $b=$_-1; print "ARG a$_=\$a$b\n" }' $(($1 * 5000)); }
env_chain()        { perl -e 'print "FROM scratch\nENV a0=x\n"; for (1..$ARGV[0]) { $b=$_-1; print "ENV a$_=\$a$b\n" }' $(($1 * 5000)); }
runs_with_env()    { perl -e 'print "FROM scratch\n"; for (1..$ARGV[0]) { print "ARG a$_=x\n" } print "RUN b\n" x 10' $(($1 * 5000)); }
random_bytes()     { perl -e 'srand 1; print chr int rand 256 for 1..$ARGV[0]' $(($1 * 204800)); } # 200 KiB
continuations()    { printf 'FROM scratch\nRUN a'; repeated $' \\\n  b' $(($1 * 50000)); echo; }
labels()           { printf 'FROM scratch\nLABEL'; perl -e 'print " a$_=b" for 1..$ARGV[0]' $(($1 * 20000)); echo; }
mounts()           { printf 'FROM scratch\nRUN'; perl -e 'print " --mount=type=cache,target=/a$_" for 1..$ARGV[0]' $(($1 * 2000)); echo ' x'; }

measure() {  # CASE N
  "$1" "$2" > "$work/context/Dockerfile"
  /usr/bin/env time -f '%U %M' -o "$work/time" timeout 60 "$slipway" --root "$work/root" \
    build --print=graph "$work/context" > "$work/out" 2> "$work/err"
  status=$?
  read -r seconds memory < <(tail -1 "$work/time")
}

printf '%-18s %9s %9s %6s %8s  %s\n' case 'n (ms)' '2n (ms)' ratio 'MiB 2n' 'bytes said, status'
for case in long_line long_bad_line long_wide_line instructions copies bad_instructions misspelt \
            stages wrong_stages nesting closed_nesting heredocs open_heredocs words onbuild triggers \
            arg_chain env_chain runs_with_env random_bytes continuations labels mounts; do
  measure $case "$scale"; one=$seconds
  measure $case $((2 * scale)); two=$seconds
  awk -v c=$case -v a="$one" -v b="$two" -v m="$memory" -v s=$status \
      -v out="$(($(stat -c %s "$work/out") + $(stat -c %s "$work/err")))" 'BEGIN {
    printf "%-18s %9d %9d %6.1f %8d  %d, %s\n", c, a * 1000, b * 1000, b / (a > 0 ? a : 0.01), m / 1024, out, s }'
done
