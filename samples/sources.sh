# shellcheck shell=bash
# The Debian archive as this machine's apt knows it. Sourced, not run.
#
# Nothing here names a mirror: apt is asked for the ones it uses, and only for those whose Release
# file says "Origin: Debian", so a third party's repository never ends up in an image.

# debian_sources TYPE: the archive's one-line sources, of type deb or deb-src.
debian_sources() {
  local lines
  lines=$(apt-get indextargets --format "$1 \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" \
            'Created-By: Packages' 'Origin: Debian' |
          grep -E ' bookworm(-updates|-security)? main$' | sort -u) || true
  if [[ -z $lines ]]; then
    echo "${0##*/}: apt knows no Debian 12 archive: run apt-get update" >&2
    return 1
  fi
  printf '%s\n' "$lines"
}
