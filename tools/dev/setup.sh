#!/usr/bin/env bash
# ./dev setup [--quiet] [GROUP...]: installs the packages that are missing, and only those. Servers among them (postfix and
# dovecot, as peers in tests and benchmarks) are installed unconfigured and are not started. The group "test" has peers besides
# that are unpacked below build, not installed: tools/dev/peers.sh.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
. tools/dev/packages.sh

quiet=0
if [ "${1:-}" = --quiet ]; then
  quiet=1
  shift
fi
wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=("${groups[@]}")

packages=()
for group in "${wanted[@]}"; do
  case $group in
    build) packages+=("${packages_build[@]}") ;;
    test) packages+=("${packages_test[@]}") ;;
    unit) packages+=("${packages_unit[@]}") ;;
    bench) packages+=("${packages_bench[@]}") ;;
    interop) packages+=("${packages_interop[@]}") ;;
    web)
      packages+=("${packages_web[@]}")
      have npm || packages+=(npm)
      ;;
    lint) packages+=("${packages_lint[@]}") ;;
    *) die "setup: there is no group '$group' (there are: ${groups[*]})" ;;
  esac
done

unpack_peers() {
  case " ${wanted[*]} " in
    *" test "*) tools/dev/peers.sh ;;
  esac
}

have dpkg-query || die "setup installs Debian packages; elsewhere install the like of: ${packages[*]}"
missing=()
for package in "${packages[@]}"; do
  case " ${missing[*]} " in *" $package "*) continue ;; esac
  # A package that was removed but left its configuration behind is known to dpkg, yet not installed.
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
# What the pages take from npm, at the versions and hashes of the lock file. A build without it is whole but for zooming charts.
fetch_web() {
  case " ${wanted[*]} " in *" web "*) ;; *) return 0 ;; esac
  [ -e web/node_modules/uplot/package.json ] && [ web/node_modules/.package-lock.json -nt web/package-lock.json ] && return 0
  say "fetching the pages' libraries from npm"
  (cd web && npm ci --silent && touch node_modules/.package-lock.json) || say "./dev setup: npm ci failed in web/: the charts will not zoom"
}

if [ ${#missing[@]} -eq 0 ]; then
  unpack_peers
  fetch_web
  [ $quiet = 1 ] || say "nothing is missing for: ${wanted[*]}"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  have sudo || die "these packages are missing, and it takes root to install them:
  apt-get install --no-install-recommends ${missing[*]}"
  as_root=(sudo)
fi
say "installing: ${missing[*]}"

# Debian starts the servers it installs unless policy-rc.d objects. Where the machine has no such policy, one stands for
# as long as this takes.
policy=/usr/sbin/policy-rc.d
own_policy=0
remove_policy() { [ $own_policy = 0 ] || "${as_root[@]}" rm -f "$policy"; }
trap remove_policy EXIT
if [ ! -e "$policy" ]; then
  own_policy=1
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi
case " ${missing[*]} " in
  *" postfix "*) echo "postfix postfix/main_mailer_type select No configuration" | "${as_root[@]}" debconf-set-selections ;;
esac

apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300)
log=$(mktemp)
run_apt() {
  if ! "${apt[@]}" "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    rm -f "$log"
    die "apt-get $1 failed; its last lines stand above"
  fi
}
run_apt update
run_apt install --no-install-recommends "${missing[@]}"
rm -f "$log"
unpack_peers
fetch_web
say "installed."
