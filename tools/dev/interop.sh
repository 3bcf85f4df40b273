#!/usr/bin/env bash
# ./dev interop [MUTATIONS] [SEED]: what we sign and seal, verified by dkimpy, npm's mailauth, opendkim and rspamd, and the
# other way round; then random mutations of signed messages, judged by all of them. Peers that are missing are left out, and
# said so. It installs what it needs: Debian's packages, and mailauth below build/interop. tools/interop/run.py says the rest.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tools/dev/setup.sh --quiet build interop
if [ -z "${POSTERN:-}" ]; then
  configure release
  ninja -C build/release postern
fi
if ! have npm; then
  say "npm is missing, so mailauth is left out (Debian has it in npm, unless node came from elsewhere)"
elif [ ! -d build/interop/node_modules/mailauth ]; then
  mkdir -p build/interop
  (cd build/interop && npm install --no-fund --no-audit --ignore-scripts mailauth >npm.log 2>&1) ||
    say "npm cannot install mailauth (build/interop/npm.log); it is left out"
fi
POSTERN=${POSTERN:-$root/build/release/postern}
export POSTERN
exec /usr/bin/python3 tools/interop/run.py "$@"
