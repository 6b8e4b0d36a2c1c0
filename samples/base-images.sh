#!/bin/bash
# usage: base-images.sh [NAME...]       (all: busybox:latest debian:bookworm gcc:12)
#
# Makes the samples' base images from Debian packages and imports them into slipway's store, under
# the names that a registry has for their like. So the samples' Dockerfiles build without a
# registry, and anywhere else with the registry's own images.
#
# SLIPWAY       the program; otherwise the slipway on the PATH
# SLIPWAY_ROOT  its state, as for every slipway command
# SAMPLES_CACHE where the tar files are kept: a second call makes none of them again
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/sources.sh"

slipway=${SLIPWAY:-slipway}
cache=${SAMPLES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slipway-samples}
# Every file's time, so that the same packages give the same layer.
export SOURCE_DATE_EPOCH=1700000000
export LC_ALL=C.UTF-8

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# debootstrapped TAR VARIANT [PACKAGES]: a Debian 12 root file system. What only a person at a
# terminal would read, and what apt fetches again by itself, is left out.
debootstrapped() {
  debian_sources deb > "$work/sources"
  local mode=root
  ((EUID == 0)) || mode=unshare
  mmdebstrap --quiet --mode=$mode --format=tar --variant="$2" ${3:+--include="$3"} \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='rm -f "$1/etc/resolv.conf" "$1/etc/hostname" "$1/var/log/dpkg.log"' \
    bookworm "$1" - < "$work/sources"
}

# with_applets TAR: the static busybox of this machine, with a link for every applet.
with_applets() {
  local root=$work/busybox applet
  mkdir -p "$root"/{bin,dev,etc,home,proc,root,sys,usr/bin,usr/sbin,var/spool/mail,var/www}
  mkdir -m 1777 "$root/tmp"
  chmod 700 "$root/root"
  install -m 755 /bin/busybox "$root/bin/busybox"
  for applet in $(/bin/busybox --list); do
    [[ $applet == busybox ]] || ln "$root/bin/busybox" "$root/bin/$applet"
  done
  ln -s ../../bin/env "$root/usr/bin/env"
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n' \
    > "$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' > "$root/etc/group"
  tar -C "$root" --sort=name --mtime=@$SOURCE_DATE_EPOCH --owner=0 --group=0 --numeric-owner \
    --format=pax --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -cf "$1" .
}

# import NAME COMMAND MAKE [ARGUMENTS]: the image NAME, from the tar file that `MAKE TAR ARGUMENTS`
# writes. The file's name tells what it was made from: a changed recipe or archive gives a new one.
import() {
  local name=$1 command=$2 make=$3; shift 3
  local recipe tar
  recipe=$( { declare -f "$make"; echo "$* $SOURCE_DATE_EPOCH"; debian_sources deb
              dpkg-query -W -f '${Version}' busybox-static; } | sha256sum | cut -c1-16)
  tar=$cache/${name/:/_}-$recipe.tar
  if [[ ! -e $tar ]]; then
    echo "making $name from Debian packages" >&2
    mkdir -p "$cache"
    "$make" "$tar.$$.part" "$@"
    mv "$tar.$$.part" "$tar"
  fi
  "$slipway" import --change "CMD $command" "$tar" "$name"
}

(($#)) || set -- busybox:latest debian:bookworm gcc:12
for name; do
  case $name in
    busybox:latest)  import "$name" '["sh"]' with_applets ;;
    debian:bookworm) import "$name" '["bash"]' debootstrapped minbase ;;
    gcc:12)          import "$name" '["bash"]' debootstrapped minbase gcc,libc6-dev,make,patch,xz-utils ;;
    *)               echo "${0##*/}: no recipe for $name" >&2; exit 1 ;;
  esac
done
