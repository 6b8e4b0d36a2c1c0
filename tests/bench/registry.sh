# shellcheck shell=bash
# What pull.sh and push.sh share. Sourced after common.sh.
# shellcheck disable=SC2154,SC2034  # work is common.sh's, and address is for who sources this

servers=()
end() { ((${#servers[@]} == 0)) || kill "${servers[@]}" 2> /dev/null || true; rm -rf "$work"; }
trap end EXIT
free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
await() { for _ in $(seq 500); do (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null && return; sleep 0.02; done; return 1; }

# start_registry NAME: docker-registry with an empty storage of its own; sets `address`.
start_registry() {
  local port
  port=$(free_port)
  printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:%s"}\n' \
    "$work/$1" "$port" > "$work/$1.yml"
  docker-registry serve "$work/$1.yml" > /dev/null 2>&1 & servers+=($!)
  await "$port"
  address=127.0.0.1:$port
}

# take MEGABYTES FROM... TO: copies of files below FROM, in the order of their names, until there is so
# much of them: the same files each time on the same machine.
take() {
  local left=$(($1 * 1000000)) to=${*: -1}
  mkdir -p "$to"
  find "${@:2:$#-2}" -xdev -type f -size -40M -printf '%s %p\n' 2> /dev/null | LC_ALL=C sort -k2 |
    awk -v left="$left" 'left > $1 { left -= $1; sub(/^[0-9]+ /, ""); printf "%s%c", $0, 0 }' |
    tar --null -T - -cf - 2> /dev/null | tar -xf - -C "$to"
}

# context MEGABYTES FOLDER: a build of an image as a distribution's are: libraries, programs, and very
# many small files, in four layers.
context() {
  take $(($1 * 35 / 100)) /usr/lib "$2/lib"
  take $(($1 * 20 / 100)) /usr/bin /usr/sbin "$2/bin"
  take $(($1 * 30 / 100)) /usr/share "$2/share"
  take $(($1 * 15 / 100)) /usr/include /usr/src "$2/include"
  printf 'FROM scratch\nCOPY lib /lib\nCOPY bin /bin\nCOPY share /share\nCOPY include /include\n' > "$2/Dockerfile"
}
