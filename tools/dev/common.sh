# shellcheck shell=bash
# What the subcommands of ./dev share. Source it; it leaves you in the root of the repository.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
export PATH="$PATH:/usr/sbin:/sbin"  # Debian keeps postfix and smtp-source there
# The cache serves several clones of one repository alike.
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$root}" CCACHE_NOHASHDIR=1

say() { printf '%s\n' "$*" >&2; }
die() {
  say "./dev: $*"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# configure PRESET [CMAKE ARGUMENT...]: quiet unless it fails.
configure() {
  local preset=$1 log
  shift
  log=$(mktemp)
  if ! cmake --preset "$preset" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    die "cmake --preset $preset failed; the reason stands above"
  fi
  rm -f "$log"
}
