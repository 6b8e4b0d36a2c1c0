#!/bin/bash
# Runs the histories of this folder with slipway and beside it with other builders, and counts which
# steps each runs again.
#
#   compare.sh [BUILD-FOLDER]            slipway, buildah and docker (BuildKit), as far as installed
#   TOOLS="slipway buildah" PROJECTS=node compare.sh
#
# As root. The files of each commit's image are compared with those of slipway's, which
# ../test_histories.cpp compares with those of a build without a cache. Where others differ they
# build once more without their cache: they gave a stale result if that has other files (!, which
# makes this fail), else they understand an instruction in another way (~). Docker's daemon is
# started for it, with folders and a socket of its own and no network, and stopped after it.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
build=$(realpath "${1:-../../../build}")
slipway=$build/frontend/cli/slipway
[[ -x $slipway ]] || { echo "no $slipway: build the target slipway first" >&2; exit 2; }
((EUID == 0)) || { echo "run it as root: files get owners" >&2; exit 2; }
tools=${TOOLS:-slipway buildah docker}
projects=${PROJECTS:-c node python}
bases=busybox:latest
[[ " $projects " != *" c "* ]] || bases+=" gcc:12"

work=$(mktemp -d "${TMPDIR:-/tmp}/slipway-histories-XXXXXX")
daemon=
finish() {
  if [[ -n $daemon ]]; then
    kill "$daemon"
    wait "$daemon"
  fi
  for mounted in $(findmnt -rno TARGET | grep "^$work/" | sort -r); do umount -l "$mounted"; done
  rm -rf "$work"
} 2>> /dev/null
trap finish EXIT

# The base images as tar files: slipway's own recipes, which keep them.
export SAMPLES_CACHE=${SAMPLES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slipway-samples}
base_tar() {
  SLIPWAY=true ../../../samples/base-images.sh "$1" >&2
  # The newest is what was made or found just now.
  ls -t "$SAMPLES_CACHE/${1/:/_}"-*.tar | head -1
}

# Each builder: start; base NAME TAR; build NAME FOLDER LOG FLAGS..., and uncached, which is as if it
# was the first build; tree NAME TAR: the image's files; reruns LOG: how many steps ran.

slipway_start() { export SLIPWAY_ROOT=$work/slipway; }
slipway_base() { "$slipway" import --change 'CMD ["sh"]' "$2" "$1" > /dev/null; }
slipway_build() {
  local name=$1 folder=$2 log=$3
  shift 3
  "$slipway" build --progress=plain --metadata-file "$log.json" "$@" -t "$name" "$folder" > "$log" 2>&1
}
slipway_uncached() { slipway_build "$@" --no-cache; }
slipway_tree() { "$slipway" build -q -o "type=tar,dest=$2" "${flags[@]}" "$context" > /dev/null; }
slipway_reruns() { jq '."slipway.cache".misses' "$1.json"; }

buildah_start() {
  export STORAGE_DRIVER=overlay CONTAINERS_STORAGE_CONF=$work/storage.conf
  printf '[storage]\ndriver = "overlay"\nrunroot = "%s"\ngraphroot = "%s"\n' \
    "$work/buildah-run" "$work/buildah" > "$work/storage.conf"
  printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' > "$work/policy.json"
}
buildah_base() { context_of_base "$2" && buildah_build "$1" "$work/base" "$work/log"; }
buildah_build() {
  local name=$1 folder=$2 log=$3
  shift 3
  buildah build --isolation=chroot --pull=never --signature-policy="$work/policy.json" --layers \
    --identity-label=false "$@" -t "$name" "$folder" > "$log" 2>&1
}
buildah_tree() {
  local container mounted
  container=$(buildah from --pull=never --signature-policy="$work/policy.json" "$1")
  mounted=$(buildah mount "$container")
  tar -C "$mounted" -cf "$2" .
  buildah rm "$container" > /dev/null
}
# Without layers: the builds after it must not find their steps in what this one made.
buildah_uncached() { buildah_build "$@" --no-cache --layers=false; }
# "STEP 3/5: RUN make", and "--> Using cache" behind it for a hit. Only those are counted that are
# steps with us, too.
buildah_reruns() {
  awk '/^(\[[0-9]+\/[0-9]+\] )?STEP [0-9]+\/[0-9]+: / {
         if (open) n++; open = / (RUN|COPY|ADD|WORKDIR)( |$)/ }
       /^--> Using cache/ { open = 0 }
       END { print n + open }' "$1"
}

docker() { if [[ -x /usr/bin/docker ]]; then /usr/bin/docker "$@"; else command docker "$@"; fi; }
docker_start() {
  mkdir "$work/docker"
  export DOCKER_HOST=unix://$work/docker/socket DOCKER_BUILDKIT=1 DOCKER_CONFIG=$work/docker
  dockerd --host="$DOCKER_HOST" --data-root="$work/docker/data" --exec-root="$work/docker/exec" \
    --pidfile="$work/docker/pid" --iptables=false --ip6tables=false --bridge=none \
    > "$work/docker/log" 2>&1 &
  daemon=$!
  for _ in {1..300}; do
    docker version > /dev/null 2>&1 && return
    sleep 0.2
  done
  tail "$work/docker/log" >&2
  return 1
}
docker_base() { docker import --change 'CMD ["sh"]' "$2" "$1" > /dev/null; }
docker_build() {
  local name=$1 folder=$2 log=$3
  shift 3
  docker build --progress=plain --network=host "$@" -t "$name" "$folder" > "$log" 2>&1
}
docker_tree() {
  local container
  container=$(docker create "$1" none)
  docker export -o "$2" "$container"
  docker rm "$container" > /dev/null
}
docker_uncached() { docker_build "$@" --no-cache; }
# "#7 [build 2/5] RUN make" and, for a hit, "#7 CACHED".
docker_reruns() {
  awk '/^#[0-9]+ \[[^]]*[0-9]+\/[0-9]+\] (RUN|COPY|ADD|WORKDIR)/ { step[$1] = 1 }
       /^#[0-9]+ CACHED/ { delete step[$1] }
       END { for (one in step) n++; print n + 0 }' "$1"
}

context_of_base() {
  rm -rf "$work/base"
  mkdir "$work/base"
  ln "$1" "$work/base/base.tar" 2> /dev/null || cp "$1" "$work/base/base.tar"
  printf 'FROM scratch\nADD base.tar /\nCMD ["sh"]\n' > "$work/base/Dockerfile"
}

# Neither Debian's buildah nor its docker knows heredocs and --link.
older_dockerfile() {
  awk '/^RUN <<EOF$/ { heredoc = "run"; text = "RUN "; next }
       /^COPY <<EOF / { heredoc = "copy"; text = "RUN printf \"%s\\n\""; to = $3; next }
       heredoc && /^EOF$/ { print heredoc == "run" ? text : text " > " to; heredoc = ""; next }
       heredoc == "run" { text = text (text == "RUN " ? "" : " && ") $0; next }
       heredoc == "copy" { text = text " \"" $0 "\""; next }
       { sub(/ --link/, ""); print }' "$1"
}

# files_of TAR: names, types, modes, owners, links and contents; no times. Without what other builders
# leave of their mounts.
files_of() {
  mkdir "$work/unpacked"
  tar --numeric-owner --same-owner -xpf "$1" -C "$work/unpacked"
  for name in .dockerenv dev etc/hosts etc/hostname etc/resolv.conf etc/mtab proc sys run; do
    rm -rf "$work/unpacked/$name"
  done
  rmdir "$work/unpacked/etc" 2> /dev/null || true
  (cd "$work/unpacked"
   find . -mindepth 1 -printf '%P %y %m %U:%G %l\n' | sort
   find . -type f ! -path './bin/*' ! -path './usr/*' -print0 | sort -z | xargs -0r sha256sum)
  rm -rf "$work/unpacked" "$1"
}

# The commits' titles, one a line; what one says, by its number.
titles_of() { sed -n 's/^commit //p' "$1"; }
part_of() { awk -v n="$2" '/^commit / { at++; next } at == n && /^  / { sub(/^  /, ""); print }' "$1"; }

# differs TOOL PROJECT NUMBER: that commit's files are others than those of the first builder.
differs() { ! cmp -s "$work/${tools%% *}-$2.files.$3" "$work/$1-$2.files.$3"; }

# run_project TOOL PROJECT: a line "number<TAB>steps rerun<TAB>title" for each commit.
run_project() {
  local tool=$1 project=$2 history=$here/$2/history.txt number=0 title line name folder log
  context=$work/$tool-$project
  cp -r "$here/$project/project" "$context"
  mkdir "$context.states"
  while IFS= read -r title <&3; do
    number=$((number + 1))
    flags=()
    local images=() commands= fails=
    while IFS= read -r line; do
      case $line in
        "\$ "*) commands+=${line#??}$'\n' ;;
        "flags "*) read -ra flags <<< "${line#flags }" ;;
        "image "*) images+=("${line#image }") ;;
        fails) fails=yes ;;
        "checkout "*)
          name=$(titles_of "$history" | grep -nxF -- "${line#checkout }" | cut -d: -f1)
          rm -rf "$context"
          cp -r "$context.states/$name" "$context" ;;
      esac
    done < <(part_of "$history" "$number")
    (cd "$context" && sh -euc "$commands")
    cp -r "$context" "$context.states/$number"
    local built=$context
    if [[ $tool != slipway ]]; then
      built=$context.older
      rm -rf "$built"
      cp -a "$context" "$built"
      older_dockerfile "$context/Dockerfile" > "$built/Dockerfile"
    fi
    for line in "${images[@]}"; do
      read -r name folder <<< "$line"
      "${tool}_build" "$name" "$built/$folder" "$work/log"  || { cat "$work/log" >&2; return 1; }
    done
    log=$work/log
    if ! "${tool}_build" compared "$built" "$log" "${flags[@]}"; then
      [[ -n $fails ]] && continue
      cat "$log" >&2
      return 1
    fi
    "${tool}_tree" compared "$work/tree.tar"
    files_of "$work/tree.tar" > "$work/$tool-$project.files.$number"
    if [[ $tool != "${tools%% *}" ]] && differs "$tool" "$project" "$number"; then
      "${tool}_uncached" uncached "$built" "$work/log.uncached" "${flags[@]}"
      "${tool}_tree" uncached "$work/tree.tar"
      files_of "$work/tree.tar" > "$work/$tool-$project.uncached.$number"
    fi
    printf '%s\t%s\t%s\n' "$number" "$("${tool}_reruns" "$log")" "$title"
  done 3< <(titles_of "$history")
}

declare -A total=()
status=0
for tool in $tools; do
  type -P "$tool" > /dev/null || [[ $tool == slipway ]] || { echo "$tool is not installed"; continue; }
  "${tool}_start"
  for image in $bases; do "${tool}_base" "$image" "$(base_tar "$image")"; done
  for project in $projects; do
    run_project "$tool" "$project" > "$work/$tool-$project.table"
  done
done

for project in $projects; do
  printf '\n%s: steps rerun\n' "$project"
  printf '%-10s' $tools; echo
  declare -A sum=()
  while IFS=$'\t' read -r number _ title; do
    for tool in $tools; do
      [[ -e $work/$tool-$project.table ]] || { printf '%-10s' -; continue; }
      reruns=$(awk -F '\t' -v n="$number" '$1 == n { print $2 }' "$work/$tool-$project.table")
      mark=
      if differs "$tool" "$project" "$number"; then
        mark=' ~'
        if ! cmp -s "$work/$tool-$project.files.$number" "$work/$tool-$project.uncached.$number"; then
          mark=' !'
          status=1
        fi
        { echo "$tool, $title:$mark"
          diff "$work/${tools%% *}-$project.files.$number" "$work/$tool-$project.files.$number" | head -6
        } >> "$work/differences" || true
      fi
      printf '%-10s' "$reruns$mark"
      sum[$tool]=$((${sum[$tool]:-0} + reruns))
      # The first build is no rerun.
      ((number == 1)) && sum[$tool]=0
    done
    echo "$title"
  done < "$work/${tools%% *}-$project.table"
  for tool in $tools; do
    printf '%-10s' "${sum[$tool]:--}"
    total[$tool]=$((${total[$tool]:-0} + ${sum[$tool]:-0}))
  done
  echo "in total, without the first build"
  unset sum
done
if [[ -e $work/differences ]]; then
  printf '\nother files than those of %s; !: and than those without a cache, so stale:\n' \
    "${tools%% *}"
  head -60 "$work/differences"
fi
printf '\nall projects: steps rerun\n'
printf '%-10s' $tools; echo
for tool in $tools; do printf '%-10s' "${total[$tool]}"; done
echo
exit "$status"
