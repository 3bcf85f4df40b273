#!/usr/bin/env bash
# Stands before the compiler (tools/dev/times.sh): runs it and notes the CPU seconds that it took.
source=''
for argument in "$@"; do
  case $argument in *.cc) source=$argument ;; esac
done
TIMEFORMAT='%U %S'
exec 3>&2
times=$({ time "$@" 2>&3; } 2>&1)
status=$?
# shellcheck disable=SC2086  # two numbers, two arguments
[ -z "$source" ] || printf '%s %s\n' "$(printf '%s\n' $times | awk '{ sum += $1 } END { printf "%5.1f", sum }')" \
  "${source##*/src/}" >>"$POSTERN_TIMES_LOG"
exit $status
