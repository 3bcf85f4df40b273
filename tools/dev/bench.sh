#!/usr/bin/env bash
# ./dev bench [quick|full] [CELL...]: the figures beside Debian's postfix, then the microbenchmarks of the modules
# (`micro` alone runs only those). bench/run.py says how it measures.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in --list | -h | --help) exec python3 bench/run.py "$1" ;; esac
tools/dev/setup.sh --quiet build bench
configure release
ninja -C build/release

run_micro() {
  local program
  for program in build/release/bench/bench_*; do
    case $program in *.cmake | *'*') continue ;; esac
    echo
    basename "$program"
    "$program" --benchmark_min_time=0.2 2>/dev/null
  done
}

if [ "${1:-}" = micro ]; then
  run_micro
  exit
fi
status=0
python3 bench/run.py "$@" || status=$?
case "$*" in '' | quick | full) run_micro ;; esac
exit $status
