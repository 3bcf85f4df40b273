#!/usr/bin/env bash
# ./dev test [--no-tsan] [FILTER]: everything, or what matches the regular expression FILTER. Phases: the sanitizer build
# (the coroutine torture test before all else), unit tests, conformance suites and fuzz corpora under ASan and UBSan; the
# threaded modules under TSan; then tests/integration and tests/crash with the release binary.
# The last line is 'N passed, N failed, N skipped'.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tsan=1
if [ "${1:-}" = --no-tsan ]; then
  tsan=0
  shift
fi
filter=${1:-}
tsan_modules=(base io spool inbound resolver bounds insight)
jobs=$(nproc)

tools/dev/setup.sh --quiet build test web
results=build/test-results
rm -rf "$results"
mkdir -p "$results"
began=$SECONDS
phase_began=$SECONDS
phases=()
broken=0
phase_done() {  # phase_done NAME
  phases+=("$(printf '%4d s  %s' $((SECONDS - phase_began)) "$1")")
  phase_began=$SECONDS
}
# A build that fails is one failure, and the phases that do not need it still run.
note_failure() {  # note_failure NAME
  broken=1
  say "FAILED: $1"
  printf '{"name": "%s", "passed": 0, "failed": 1, "skipped": 0}\n' "$1" >>"$results/counts.jsonl"
}

# run_ctest PRESET CTEST_ARGUMENT...: builds what the chosen tests need, runs them, counts single test cases.
run_ctest() {
  local preset=$1 out
  shift
  out="$root/$results/$preset"
  mkdir -p "$out/cases"
  # Not known before the first configuration: which programs the chosen tests are.
  if ! python3 tools/ctest_targets.py "build/$preset" "$@" >"$out/targets"; then
    note_failure "$preset: ctest cannot list its tests"
    return
  fi
  if [ ! -s "$out/targets" ]; then return; fi
  if grep -qx coroutine_torture "$out/targets"; then
    if ! ninja --quiet -C "build/$preset" coroutine_torture || ! "build/$preset/tests/coroutine_torture" >"$out/torture.log" 2>&1; then
      tail -n 40 "$out/torture.log" >&2 || true
      note_failure "$preset: this compiler does not survive the coroutine torture test; nothing after it would mean anything"
      return
    fi
  fi
  if ! xargs -a "$out/targets" ninja --quiet -C "build/$preset"; then
    note_failure "$preset: the build"
    return
  fi
  phase_done "$preset: build"
  # Under TSan the simulated power cuts and attacks take minutes and have nothing to show: they run one thread after the other.
  local cases='*'
  [ "$preset" != tsan ] || cases='-PowerCut.*:FaultyDisk.Each*:JournalTest.EveryOctet*:*Attack*'
  GTEST_FILTER="$cases" GTEST_OUTPUT="xml:$out/cases/" ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure --no-tests=ignore \
    --output-junit "$out/junit.xml" "$@" || broken=1
  python3 tools/count_tests.py "$preset" "$out/junit.xml" "$out/cases" >>"$results/counts.jsonl"
  phase_done "$preset: tests"
}

configure asan
run_ctest asan ${filter:+-R "$filter"}

if [ $tsan = 1 ]; then
  configure tsan
  wanted="^unit_($(IFS='|'; echo "${tsan_modules[*]}"))\$"
  # ctest takes one -R: inside a filter, the names that match both are looked up first.
  if [ -n "$filter" ]; then
    names=$(ctest --test-dir build/tsan -N -R "$wanted" | sed -n -E 's/^ *Test +#[0-9]+: //p' | grep -E -- "$filter" || true)
    wanted=${names:+"^($(echo "$names" | paste -sd '|'))\$"}
  fi
  [ -z "$wanted" ] || run_ctest tsan -R "$wanted"
fi

scripts=$(python3 tools/run_script_tests.py --list ${filter:+--filter "$filter"} tests/integration tests/crash)
if [ -n "$scripts" ]; then
  # check_servers is no test and no part of postern: two scripts run it
  if grep -qE '/check_(servers|tls)\.test$' <<<"$scripts" && ! ninja --quiet -C build/asan check_servers; then
    note_failure "asan: check_servers"
  fi
  if configure release && ninja --quiet -C build/release postern; then
    phase_done "release: build"
    python3 tools/run_script_tests.py --postern build/release/postern --jobs "$jobs" --counts "$results/counts.jsonl" \
      ${filter:+--filter "$filter"} tests/integration tests/crash || broken=1
    phase_done "integration and crash tests"
  else
    note_failure "release: the build"
  fi
fi

echo
printf '%s\n' "${phases[@]}"
printf '%4d s  in all\n' $((SECONDS - began))
[ -n "$filter" ] && [ ! -s "$results/counts.jsonl" ] && die "test: nothing matches '$filter'"
python3 tools/count_tests.py --sum "$results/counts.jsonl" || broken=1
exit $broken
