#!/bin/bash
# Fetches Debian's source package of Lua 5.4 into source/, for the Dockerfile to ADD. apt verifies
# it by the archive's signature. The files lose their version numbers, so that the Dockerfile need
# not follow Debian's.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../sources.sh"

target=$here/source
[[ -e $target/lua.orig.tar.gz && -e $target/lua.debian.tar.xz ]] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/package"
debian_sources deb-src > "$work/sources.list"
# An apt state of its own: the machine's sources rarely list deb-src, and are not ours to change.
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
     -o "Dir::State::lists=$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
     -o APT::Sandbox::User=root)
"${apt[@]}" update
(cd "$work/package" && "${apt[@]}" source --download-only lua5.4)

mkdir -p "$target"
mv "$work"/package/lua5.4_*.debian.tar.xz "$target/lua.debian.tar.xz"
mv "$work"/package/lua5.4_*.orig.tar.gz "$target/lua.orig.tar.gz"
