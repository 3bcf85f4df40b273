#!/usr/bin/env bash
# ./dev lint --times: builds the release preset from nothing, without the compiler cache, in build/times; names the ten
# translation units that took the most CPU time. One over 15 s, or a build over 6 minutes, is a defect.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tools/dev/setup.sh --quiet build
rm -rf build/times
mkdir -p build/times
export POSTERN_TIMES_LOG="$root/build/times/cpu.log"
: >"$POSTERN_TIMES_LOG"
configure release -B build/times -DPOSTERN_CCACHE="$root/tools/dev/timed_compile.sh"
began=$SECONDS
ninja --quiet -C build/times postern
wall=$((SECONDS - began))

slowest=$(sort -rn "$POSTERN_TIMES_LOG" | head -n 10)
echo "CPU s   translation unit"
printf '%s\n' "$slowest"
awk -v wall="$wall" -v cores="$(nproc)" '
  { sum += $1; if ($1 > 15) { slow = slow "\n  " $2 } }
  END {
    printf "%d units, %.0f s of CPU; the whole build took %d s on %d cores\n", NR, sum, wall, cores
    if (slow != "") { print "over 15 s, split or include less:" slow; bad = 1 }
    if (wall > 360) { print "the build takes more than 6 minutes"; bad = 1 }
    exit bad
  }' "$POSTERN_TIMES_LOG"
